/** What models are asked: short, and the same for all faces. */

export const HELLO = 'Say hello to a friend.'
/** Longer than the bound of tokens. */
export const LONG = 'Write the numbers from one to a hundred as words, and all of them on one line.'
export const FEW_TOKENS = 3
/** An answer that has no end by itself. */
export const ENDLESS = 'Count upwards from one forever, and never stop.'
/** More answers than a server has slots for one model. */
export const LEFT = 9
export const STOP = 'three'
export const STOPPED = 'Repeat these words: one two three four.'
export const TOKENS = 32
/** Room for an object. */
export const OBJECT_TOKENS = 128
export const MISSING_MODEL = 'a-model-that-no-server-has-9f2c'
export const WRONG_TOKEN = 'not-a-token-of-this-server'

export const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false
}
export const ABOUT_CITY = 'Name the capital of Switzerland as JSON with the field city.'
export const WEATHER = { name: 'weather', description: 'The weather in a city.', schema: SCHEMA }
export const ABOUT_WEATHER = 'What is the weather in Bern? Call the tool weather.'
export const RESULT = 'It is sunny, 21 degrees.'
