/** Which words of a person mean a file or folder of this device, and nothing else that a model may be named by. */

const PATH = /^(?:[/\\]|\.{1,2}(?:[/\\]|$)|~(?:[/\\]|$)|[A-Za-z]:[/\\])/

export const isPath = (text: string): boolean => PATH.test(text)
