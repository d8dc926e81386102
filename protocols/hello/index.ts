export { HELLO_PROTOCOL } from './codec.ts'
export { exchangeHello, type OwnHello } from './session.ts'
