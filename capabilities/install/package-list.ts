/** What an installation consists of: packages of an npm registry, each with its hash. */

import type { Archive } from './download.ts'

/** As `packages.json` of an engine says it. */
export interface ListedPackage {
  /** Where it is unpacked: `node_modules/NAME`, or below another package. */
  readonly path: string
  readonly version: string
  readonly bytes: number
  readonly integrity: string
  /** Absent: for every device. */
  readonly platform?: string
  readonly arch?: string
  /** Only where this is to be used. */
  readonly accelerator?: string
}

export interface PackageList {
  readonly version: string
  readonly packages: readonly ListedPackage[]
}

export interface Package extends Archive, ListedPackage {
  readonly name: string
  /** Its archive in a folder, as `npm pack` calls it. */
  readonly file: string
}

export interface Device {
  readonly platform: string
  readonly arch: string
}

/** Those that this device needs; none where no binary is made for it. */
export function packagesFor(
  { packages }: PackageList,
  { platform, arch }: Device,
  accelerators: readonly string[]
): readonly Package[] {
  const own = packages.filter(one => one.platform === platform && one.arch === arch)
  if (own.length === 0) return []
  const wanted = own.filter(one => one.accelerator === undefined || accelerators.includes(one.accelerator))
  return [...packages.filter(one => one.platform === undefined), ...wanted].map(toPackage)
}

/** What can be had for this device besides its processor. */
export const acceleratorsOf = ({ packages }: PackageList, { platform, arch }: Device): string[] => [
  ...new Set(
    packages.flatMap(one => (one.platform === platform && one.arch === arch ? (one.accelerator ?? []) : []))
  )
]

const FOLDER = 'node_modules/'

function toPackage(listed: ListedPackage): Package {
  const name = listed.path.slice(listed.path.lastIndexOf(FOLDER) + FOLDER.length)
  const file = `${name.replace('@', '').replace('/', '-')}-${listed.version}.tgz`
  return { ...listed, name, file, title: `${name} ${listed.version}` }
}

/** A registry leaves the scope out of the name of an archive. */
export const remoteNameOf = ({ name, version }: Pick<Package, 'name' | 'version'>): string =>
  `${name.replace(/^.*\//, '')}-${version}.tgz`
