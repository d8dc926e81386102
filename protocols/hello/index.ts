export { HELLO_PROTOCOL, type Hello } from './codec.ts'
export { exchangeHello, type HelloTerms, refuseHello } from './session.ts'
