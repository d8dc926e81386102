/** All scenarios, by the order in which one would read them. */

import type { Scenario } from '../scenario.ts'
import { firstContact } from './first-contact.ts'

export const SCENARIOS: readonly Scenario[] = [firstContact]
