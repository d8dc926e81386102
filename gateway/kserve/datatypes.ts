/** Element types in the names of the Open Inference Protocol, and how JSON values become bytes of them. */

import type { TensorType } from '../../interface/tasks/tensor.ts'

/** How values of a type stand in JSON. */
interface InJson {
  fits(value: unknown): boolean
  /** Of a value that fits. */
  write(view: DataView, at: number, value: never): void
  read(view: DataView, at: number): number | bigint | boolean
}

export interface Datatype {
  readonly type: TensorType
  readonly bytes: number
  /** Absent: the protocol has no JSON for it. */
  readonly json?: InJson
}

const whole = (min: number, max: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max
const isNumber = (value: unknown) => typeof value === 'number'

/** A JSON number beyond 2^53 has lost its last digits before it gets here. */
const SAFE = Number.MAX_SAFE_INTEGER

export const DATATYPES: Readonly<Record<string, Datatype>> = {
  BOOL: {
    ...{ type: 'bool', bytes: 1 },
    json: {
      fits: value => typeof value === 'boolean',
      write: (view, at, value: boolean) => view.setUint8(at, Number(value)),
      read: (view, at) => view.getUint8(at) !== 0
    }
  },
  UINT8: {
    ...{ type: 'uint8', bytes: 1 },
    json: {
      fits: whole(0, 0xff),
      write: (view, at, value) => view.setUint8(at, value),
      read: (view, at) => view.getUint8(at)
    }
  },
  UINT16: {
    ...{ type: 'uint16', bytes: 2 },
    json: {
      fits: whole(0, 0xffff),
      write: (view, at, value) => view.setUint16(at, value, true),
      read: (view, at) => view.getUint16(at, true)
    }
  },
  UINT32: {
    ...{ type: 'uint32', bytes: 4 },
    json: {
      fits: whole(0, 0xffff_ffff),
      write: (view, at, value) => view.setUint32(at, value, true),
      read: (view, at) => view.getUint32(at, true)
    }
  },
  UINT64: {
    ...{ type: 'uint64', bytes: 8 },
    json: {
      fits: whole(0, SAFE),
      write: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
      read: (view, at) => view.getBigUint64(at, true)
    }
  },
  INT8: {
    ...{ type: 'int8', bytes: 1 },
    json: {
      fits: whole(-0x80, 0x7f),
      write: (view, at, value) => view.setInt8(at, value),
      read: (view, at) => view.getInt8(at)
    }
  },
  INT16: {
    ...{ type: 'int16', bytes: 2 },
    json: {
      fits: whole(-0x8000, 0x7fff),
      write: (view, at, value) => view.setInt16(at, value, true),
      read: (view, at) => view.getInt16(at, true)
    }
  },
  INT32: {
    ...{ type: 'int32', bytes: 4 },
    json: {
      fits: whole(-0x8000_0000, 0x7fff_ffff),
      write: (view, at, value) => view.setInt32(at, value, true),
      read: (view, at) => view.getInt32(at, true)
    }
  },
  INT64: {
    ...{ type: 'int64', bytes: 8 },
    json: {
      fits: whole(-SAFE, SAFE),
      write: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
      read: (view, at) => view.getBigInt64(at, true)
    }
  },
  FP16: { type: 'float16', bytes: 2 },
  FP32: {
    ...{ type: 'float32', bytes: 4 },
    json: {
      fits: isNumber,
      write: (view, at, value) => view.setFloat32(at, value, true),
      read: (view, at) => view.getFloat32(at, true)
    }
  },
  FP64: {
    ...{ type: 'float64', bytes: 8 },
    json: {
      fits: isNumber,
      write: (view, at, value) => view.setFloat64(at, value, true),
      read: (view, at) => view.getFloat64(at, true)
    }
  }
}

export const datatypeOf = (type: TensorType): string =>
  Object.keys(DATATYPES).find(name => DATATYPES[name]!.type === type)!
