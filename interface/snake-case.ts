/** Names in JSON: snake_case, made of the camelCase of the code. */

/** `peerId` becomes `peer_id`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

type SnakeName<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Uppercase<First> ? (First extends Lowercase<First> ? First : `_${Lowercase<First>}`) : First}${SnakeName<Rest>}`
  : Name

/** How `T` looks in JSON: each property in snake_case, bytes as base64. */
export type SnakeCase<T> = T extends Uint8Array
  ? string
  : T extends string
    ? T
    : T extends readonly (infer Item)[]
      ? SnakeCase<Item>[]
      : T extends object
        ? { readonly [Key in keyof T as Key extends string ? SnakeName<Key> : Key]: SnakeCase<T[Key]> }
        : T
