export { HELLO_PROTOCOL } from './codec.ts'
export { exchangeHello } from './session.ts'
