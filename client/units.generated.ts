/** Made of the units of this version by `npm run test:only -- test/client/types.test.ts -u`. */

export type ErrorCode =
  | 'INVALID_INPUT'
  | 'USAGE'
  | 'UNAUTHENTICATED'
  | 'DENIED'
  | 'MODEL_NOT_FOUND'
  | 'WEIGHTS_NOT_FOUND'
  | 'SERVICE_NOT_FOUND'
  | 'PEER_NOT_FOUND'
  | 'UNIT_NOT_FOUND'
  | 'RESOURCE_NOT_FOUND'
  | 'REQUEST_NOT_FOUND'
  | 'JOB_UNKNOWN'
  | 'ANSWER_UNKNOWN'
  | 'CALL_UNKNOWN'
  | 'CALL_CONFLICT'
  | 'ROUTE_NOT_FOUND'
  | 'TOOL_NOT_FOUND'
  | 'TOKEN_NOT_FOUND'
  | 'CONTEXT_TOO_SMALL'
  | 'INPUT_TOO_LARGE'
  | 'MEDIA_TYPE_UNSUPPORTED'
  | 'NOT_SUPPORTED'
  | 'CANCELLED'
  | 'OVERLOADED'
  | 'RATE_LIMITED'
  | 'NO_CAPACITY'
  | 'NO_PROVIDER'
  | 'NODE_NOT_RUNNING'
  | 'TIMEOUT'
  | 'ENGINE_FAILED'
  | 'MODEL_INVALID'
  | 'WEIGHTS_INVALID'
  | 'PEER_UNREACHABLE'
  | 'STREAM_INTERRUPTED'
  | 'ANSWER_CHANGED'
  | 'TOOL_FAILED'
  | 'ORIGIN_FAILED'
  | 'ORIGIN_CHANGED'
  | 'JOB_INTERRUPTED'
  | 'BATCH_INCOMPLETE'
  | 'INTERNAL'
  | 'FRAME_TOO_LARGE'
  | 'PROTOCOL_VIOLATION'
  | 'SLOW_PEER'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_FORGED'
  | 'MANIFEST_STALE'
  | 'MANIFEST_EXPIRED'
  | 'MANIFEST_EQUIVOCATED'
  | 'PEER_NOT_MEMBER'
  | 'PEER_REVOKED'
  | 'PEER_BANNED'
  | 'DUPLICATE_IDENTITY'
  | 'CERTIFICATE_INVALID'
  | 'CERTIFICATE_FORGED'
  | 'CERTIFICATE_EXPIRED'
  | 'INVITE_INVALID'
  | 'INVITE_USED'
  | 'INVITE_EXPIRED'
  | 'NOT_ADMIN'
  | 'CONFIG_INVALID'
  | 'HOME_LOCKED'
  | 'AUTOSTART_FAILED'
  | 'KEY_LOCKED'
  | 'HOME_NEWER'
  | 'STORE_DAMAGED'
  | 'STORE_FAILED'
  | 'STORE_FULL'
  | 'WEIGHTS_FULL'
  | 'MEMORY_NOT_FOUND'
  | 'MEMORY_DENIED'
  | 'MEMORY_FULL'
  | 'MEMORY_INVALID'
  | 'MEMORY_FORGED'
  | 'MEMORY_EQUIVOCATED'
  | 'MEMORY_POISON'
  | 'MEMORY_DIVERGED'

/** Bytes, as JSON has them. */
type Base64 = string

export interface Units {
  /** One setting with its value and where it comes from. */
  'config.get': {
    input: { key: string }
    output: {
      description: string
      kind: 'text' | 'number' | 'switch' | 'choice' | 'list' | 'time' | 'size' | 'table'
      default: unknown
      choices: string[]
      min: number | null
      max: number | null
      key: string
      value: unknown
      origin: string
      waits: boolean
      by_programs: boolean
    }
    item: Units['config.get']['output']
  }

  /** Write a setting into lumos.yaml, whose comments stay. The whole is checked first; the node has it after a restart. */
  'config.set': {
    input: { key: string; value: unknown; check?: boolean }
    output: {
      description: string
      kind: 'text' | 'number' | 'switch' | 'choice' | 'list' | 'time' | 'size' | 'table'
      default: unknown
      choices: string[]
      min: number | null
      max: number | null
      key: string
      value: unknown
      origin: string
      waits: boolean
      by_programs: boolean
    }
    item: Units['config.set']['output']
  }

  /** Every setting: what it is for, its value, where that comes from, and which values it takes. */
  'config.show': {
    input: Record<string, never>
    output: {
      items: ({
        description: string
        kind: 'text' | 'number' | 'switch' | 'choice' | 'list' | 'time' | 'size' | 'table'
        default: unknown
        choices: string[]
        min: number | null
        max: number | null
        key: string
        value: unknown
        origin: string
        waits: boolean
        by_programs: boolean
      })[]
    }
    item: Units['config.show']['output']
  }

  /** Take a setting out of lumos.yaml: its variable or its default holds again after a restart. */
  'config.unset': {
    input: { key: string }
    output: {
      description: string
      kind: 'text' | 'number' | 'switch' | 'choice' | 'list' | 'time' | 'size' | 'table'
      default: unknown
      choices: string[]
      min: number | null
      max: number | null
      key: string
      value: unknown
      origin: string
      waits: boolean
      by_programs: boolean
    }
    item: Units['config.unset']['output']
  }

  /** Look for processors and accelerators again. The manifest keeps what was found at the start. */
  'device.detect': {
    input: Record<string, never>
    output: {
      devices: ({
        id: string
        name: string
        vendor: string | null
        type: 'cpu' | 'gpu' | 'npu'
        memory: number | null
      })[]
    }
    item: Units['device.detect']['output']
  }

  /** Whether this machine serves as it should, and why it does not. */
  'device.health': {
    input: { device_id?: string }
    output: {
      status: 'healthy' | 'degraded' | 'failing'
      issues: { code: string; message: string }[]
    }
    item: Units['device.health']['output']
  }

  /** One device of this machine, its processor unless another is named. */
  'device.info': {
    input: { device_id?: string }
    output: {
      id: string
      name: string
      vendor: string | null
      type: 'cpu' | 'gpu' | 'npu'
      memory: number | null
      architecture: string | null
      capabilities: string[]
    }
    item: Units['device.info']['output']
  }

  /** The processor and the accelerators of this machine. */
  'device.list': {
    input: Record<string, never>
    output: {
      devices: ({
        id: string
        name: string
        vendor: string | null
        type: 'cpu' | 'gpu' | 'npu'
        memory: number | null
      })[]
    }
    item: Units['device.list']['output']
  }

  /** How busy and how warm a device is, and what it takes, where the system tells that. */
  'device.metrics': {
    input: { device_id?: string }
    output: {
      device_id: string
      utilization: number | null
      temperature: number | null
      power: number | null
      memory_used: number | null
      memory_total: number | null
    }
    item: Units['device.metrics']['output']
  }

  /** Limit the watts of a device. Not supported: a node changes no setting of its machine. */
  'device.set_power_limit': {
    input: { device_id: string; limit_watts: number }
    output: { success: boolean }
    item: Units['device.set_power_limit']['output']
  }

  /** What this node needs: whether it has it, what to do where it lacks it, and which unit does that. */
  'doctor.check': {
    input: Record<string, never>
    output: {
      items: ({
        check: string
        status: 'ok' | 'warn' | 'fail'
        message: string
        fix: string | null
        unit: string | null
      })[]
    }
    item: Units['doctor.check']['output']
  }

  /** What an engine can do with the models that it opens here. */
  'engine.features': {
    input: { name: string }
    output: {
      name: string
      tasks: string[]
      supports_streaming: boolean
      max_concurrent: number
    }
    item: Units['engine.features']['output']
  }

  /** One engine of this device. */
  'engine.get': {
    input: { name: string }
    output: {
      name: string
      type: 'builtin' | 'installable'
      status: 'ready' | 'absent' | 'stopped'
      version: string | null
      accelerators: string[]
      path: string | null
      models: string[]
    }
    item: Units['engine.get']['output']
  }

  /** Begin a job that brings an engine: from the registry of the settings, or from a folder with its archives. */
  'engine.install': {
    input: { name: string; from?: string }
    output: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
    item: Units['engine.install']['output']
  }

  /** The engines of this device, and what each opens. */
  'engine.list': {
    input: { type?: 'builtin' | 'installable'; status?: 'ready' | 'absent' | 'stopped' }
    output: {
      items: ({
        name: string
        type: 'builtin' | 'installable'
        status: 'ready' | 'absent' | 'stopped'
        version: string | null
        accelerators: string[]
        path: string | null
        models: string[]
      })[]
    }
    item: Units['engine.list']['output']
  }

  /** Take the files of an installed engine away. Its models are left out. */
  'engine.remove': {
    input: { name: string }
    output: {
      name: string
      type: 'builtin' | 'installable'
      status: 'ready' | 'absent' | 'stopped'
      version: string | null
      accelerators: string[]
      path: string | null
      models: string[]
    }
    item: Units['engine.remove']['output']
  }

  /** End the processes of an engine. New ones begin with the next request. */
  'engine.restart': {
    input: { name: string }
    output: {
      name: string
      type: 'builtin' | 'installable'
      status: 'ready' | 'absent' | 'stopped'
      version: string | null
      accelerators: string[]
      path: string | null
      models: string[]
    }
    item: Units['engine.restart']['output']
  }

  /** Serve the models of an engine that was stopped. */
  'engine.start': {
    input: { name: string }
    output: {
      name: string
      type: 'builtin' | 'installable'
      status: 'ready' | 'absent' | 'stopped'
      version: string | null
      accelerators: string[]
      path: string | null
      models: string[]
    }
    item: Units['engine.start']['output']
  }

  /** Serve no model of an engine, also after a restart of the node. Requests under way end first. */
  'engine.stop': {
    input: { name: string }
    output: {
      name: string
      type: 'builtin' | 'installable'
      status: 'ready' | 'absent' | 'stopped'
      version: string | null
      accelerators: string[]
      path: string | null
      models: string[]
    }
    item: Units['engine.stop']['output']
  }

  /** The events that the node keeps. As a stream: those that follow, too. */
  'event.list': {
    input: { names?: readonly string[]; since?: string }
    output: {
      items: (
        | {
            type: 'gap'
            epoch: string
            sequence: number
            reason: 'restarted' | 'late'
            lost: number | null
          }
        | {
            type: 'event'
            name: 'peer.joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'peer.left'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'peer.duplicated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'manifest.updated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; epoch: number; sequence: number; capabilities: number }
          }
        | {
            type: 'event'
            name: 'mesh.seen'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh_id: string; mesh: string; peer_id: string }
          }
        | {
            type: 'event'
            name: 'mesh.joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh_id: string; mesh: string }
          }
        | {
            type: 'event'
            name: 'mesh.renamed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh: string }
          }
        | {
            type: 'event'
            name: 'mesh.member_joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name: string; role: 'admin' | 'member' | 'edge' | 'guest' }
          }
        | {
            type: 'event'
            name: 'mesh.member_revoked'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'mesh.admin_room_full'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string; room: 'members' | 'revocations' }
          }
        | {
            type: 'event'
            name: 'mesh.join_requested'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name: string; phrase: string; expires_at_ms: number }
          }
        | {
            type: 'event'
            name: 'mesh.invite_used'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              peer_id: string
              name: string
              role: 'admin' | 'member' | 'edge' | 'guest'
              phrase: string
            }
          }
        | {
            type: 'event'
            name: 'node.storage_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { code: string | null; message: string | null }
          }
        | {
            type: 'event'
            name: 'node.yielding_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { reasons: ('cpu' | 'memory' | 'battery')[] }
          }
        | {
            type: 'event'
            name: 'node.drain_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { drained: boolean }
          }
        | {
            type: 'event'
            name: 'job.changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              kind: string
              state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
            }
          }
        | {
            type: 'event'
            name: 'job.progress'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              kind: string
              progress: {
                done: number
                total: number | null
                unit: string
                message: string
                per_second?: number
                left_ms?: number
                sources?: { from: string; amount: number }[]
              }
            }
          }
        | {
            type: 'event'
            name: 'inference.request_started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { request_id: string; task: string; model?: string; trace_id?: string }
          }
        | {
            type: 'event'
            name: 'inference.request_completed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              peer_id: string
              route: 'local' | 'remote'
              duration_ms: number
              first_chunk_ms?: number
              input_tokens?: number
              output_tokens?: number
            }
          }
        | {
            type: 'event'
            name: 'inference.request_failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              code: string
              duration_ms: number
            }
          }
        | {
            type: 'event'
            name: 'inference.serving_started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              trace_id?: string
              peer_id: string
            }
          }
        | {
            type: 'event'
            name: 'inference.serving_ended'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              peer_id: string
              code?: string
              duration_ms: number
            }
          }
        | {
            type: 'event'
            name: 'model.loaded'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; duration_ms: number; memory_bytes: number }
          }
        | {
            type: 'event'
            name: 'model.unloaded'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; reason: 'idle' | 'asked' | 'grown' | 'lost' }
          }
        | {
            type: 'event'
            name: 'model.evicted'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string }
          }
        | {
            type: 'event'
            name: 'model.failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; code: string; message: string }
          }
        | {
            type: 'event'
            name: 'engine.installed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string; version: string }
          }
        | {
            type: 'event'
            name: 'engine.removed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.stopped'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.error'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string; model_id: string; code: string; message: string }
          }
        | {
            type: 'event'
            name: 'engine.health_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              engine: string
              old_status: 'healthy' | 'degraded' | 'failing'
              new_status: 'healthy' | 'degraded' | 'failing'
            }
          }
        | {
            type: 'event'
            name: 'model.created'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; cid: string }
          }
        | {
            type: 'event'
            name: 'model.deleted'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string }
          }
        | {
            type: 'event'
            name: 'model.verified'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              model_id: string | null
              valid: boolean
              issues: { model: string; path: string; problem: string }[]
            }
          }
        | {
            type: 'event'
            name: 'model.pull_progress'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              model_id: string
              bytes_done: number
              bytes_total: number
              bytes_per_second: number
              left_ms: number | null
              sources: { from: string; bytes: number }[]
            }
          }
        | {
            type: 'event'
            name: 'service.created'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              service: {
                id: string
                model_id: string
                status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
                origin: 'settings' | 'created'
                models: ({
                  alias: string
                  model_id: string
                  runtime: string
                  state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
                  reason: string | null
                  job_id: string | null
                })[]
              }
            }
          }
        | {
            type: 'event'
            name: 'service.scaled'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { service_id: string; replicas: number }
          }
        | {
            type: 'event'
            name: 'service.failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { service_id: string; error: string }
          }
        | {
            type: 'event'
            name: 'device.detected'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              device: {
                id: string
                name: string
                vendor: string | null
                type: 'cpu' | 'gpu' | 'npu'
                memory: number | null
              }
            }
          }
        | {
            type: 'event'
            name: 'device.health_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              device_id: string
              old_status: 'healthy' | 'degraded' | 'failing'
              new_status: 'healthy' | 'degraded' | 'failing'
            }
          }
        | {
            type: 'event'
            name: 'resource.allocated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; memory: number }
          }
        | {
            type: 'event'
            name: 'resource.released'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; reason: 'released' | 'expired' | 'preempted' }
          }
        | {
            type: 'event'
            name: 'resource.preemption'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; reason: string }
          }
        | {
            type: 'event'
            name: 'resource.pressure_warning'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { pressure: number; threshold: number }
          }
        | {
            type: 'event'
            name: 'journal.events_lost'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { lost: number; reason: 'storage' | 'late' | 'size' }
          })[]
      position: string
    }
    item:
      | {
          type: 'gap'
          epoch: string
          sequence: number
          reason: 'restarted' | 'late'
          lost: number | null
        }
      | {
          type: 'event'
          name: 'peer.joined'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name?: string }
        }
      | {
          type: 'event'
          name: 'peer.left'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name?: string }
        }
      | {
          type: 'event'
          name: 'peer.duplicated'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name?: string }
        }
      | {
          type: 'event'
          name: 'manifest.updated'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; epoch: number; sequence: number; capabilities: number }
        }
      | {
          type: 'event'
          name: 'mesh.seen'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { mesh_id: string; mesh: string; peer_id: string }
        }
      | {
          type: 'event'
          name: 'mesh.joined'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { mesh_id: string; mesh: string }
        }
      | {
          type: 'event'
          name: 'mesh.renamed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { mesh: string }
        }
      | {
          type: 'event'
          name: 'mesh.member_joined'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name: string; role: 'admin' | 'member' | 'edge' | 'guest' }
        }
      | {
          type: 'event'
          name: 'mesh.member_revoked'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name?: string }
        }
      | {
          type: 'event'
          name: 'mesh.admin_room_full'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name?: string; room: 'members' | 'revocations' }
        }
      | {
          type: 'event'
          name: 'mesh.join_requested'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { peer_id: string; name: string; phrase: string; expires_at_ms: number }
        }
      | {
          type: 'event'
          name: 'mesh.invite_used'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            peer_id: string
            name: string
            role: 'admin' | 'member' | 'edge' | 'guest'
            phrase: string
          }
        }
      | {
          type: 'event'
          name: 'node.storage_changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { code: string | null; message: string | null }
        }
      | {
          type: 'event'
          name: 'node.yielding_changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { reasons: ('cpu' | 'memory' | 'battery')[] }
        }
      | {
          type: 'event'
          name: 'node.drain_changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { drained: boolean }
        }
      | {
          type: 'event'
          name: 'job.changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            job_id: string
            kind: string
            state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
          }
        }
      | {
          type: 'event'
          name: 'job.progress'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            job_id: string
            kind: string
            progress: {
              done: number
              total: number | null
              unit: string
              message: string
              per_second?: number
              left_ms?: number
              sources?: { from: string; amount: number }[]
            }
          }
        }
      | {
          type: 'event'
          name: 'inference.request_started'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { request_id: string; task: string; model?: string; trace_id?: string }
        }
      | {
          type: 'event'
          name: 'inference.request_completed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            request_id: string
            task: string
            model?: string
            peer_id: string
            route: 'local' | 'remote'
            duration_ms: number
            first_chunk_ms?: number
            input_tokens?: number
            output_tokens?: number
          }
        }
      | {
          type: 'event'
          name: 'inference.request_failed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            request_id: string
            task: string
            model?: string
            code: string
            duration_ms: number
          }
        }
      | {
          type: 'event'
          name: 'inference.serving_started'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            request_id: string
            task: string
            model?: string
            trace_id?: string
            peer_id: string
          }
        }
      | {
          type: 'event'
          name: 'inference.serving_ended'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            request_id: string
            task: string
            model?: string
            peer_id: string
            code?: string
            duration_ms: number
          }
        }
      | {
          type: 'event'
          name: 'model.loaded'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string; duration_ms: number; memory_bytes: number }
        }
      | {
          type: 'event'
          name: 'model.unloaded'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string; reason: 'idle' | 'asked' | 'grown' | 'lost' }
        }
      | {
          type: 'event'
          name: 'model.evicted'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string }
        }
      | {
          type: 'event'
          name: 'model.failed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string; code: string; message: string }
        }
      | {
          type: 'event'
          name: 'engine.installed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { engine: string; version: string }
        }
      | {
          type: 'event'
          name: 'engine.removed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { engine: string }
        }
      | {
          type: 'event'
          name: 'engine.started'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { engine: string }
        }
      | {
          type: 'event'
          name: 'engine.stopped'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { engine: string }
        }
      | {
          type: 'event'
          name: 'engine.error'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { engine: string; model_id: string; code: string; message: string }
        }
      | {
          type: 'event'
          name: 'engine.health_changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            engine: string
            old_status: 'healthy' | 'degraded' | 'failing'
            new_status: 'healthy' | 'degraded' | 'failing'
          }
        }
      | {
          type: 'event'
          name: 'model.created'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string; cid: string }
        }
      | {
          type: 'event'
          name: 'model.deleted'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { model_id: string }
        }
      | {
          type: 'event'
          name: 'model.verified'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            model_id: string | null
            valid: boolean
            issues: { model: string; path: string; problem: string }[]
          }
        }
      | {
          type: 'event'
          name: 'model.pull_progress'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            job_id: string
            model_id: string
            bytes_done: number
            bytes_total: number
            bytes_per_second: number
            left_ms: number | null
            sources: { from: string; bytes: number }[]
          }
        }
      | {
          type: 'event'
          name: 'service.created'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            service: {
              id: string
              model_id: string
              status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
              origin: 'settings' | 'created'
              models: ({
                alias: string
                model_id: string
                runtime: string
                state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
                reason: string | null
                job_id: string | null
              })[]
            }
          }
        }
      | {
          type: 'event'
          name: 'service.scaled'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { service_id: string; replicas: number }
        }
      | {
          type: 'event'
          name: 'service.failed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { service_id: string; error: string }
        }
      | {
          type: 'event'
          name: 'device.detected'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            device: {
              id: string
              name: string
              vendor: string | null
              type: 'cpu' | 'gpu' | 'npu'
              memory: number | null
            }
          }
        }
      | {
          type: 'event'
          name: 'device.health_changed'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: {
            device_id: string
            old_status: 'healthy' | 'degraded' | 'failing'
            new_status: 'healthy' | 'degraded' | 'failing'
          }
        }
      | {
          type: 'event'
          name: 'resource.allocated'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { slot_id: string; memory: number }
        }
      | {
          type: 'event'
          name: 'resource.released'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { slot_id: string; reason: 'released' | 'expired' | 'preempted' }
        }
      | {
          type: 'event'
          name: 'resource.preemption'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { slot_id: string; reason: string }
        }
      | {
          type: 'event'
          name: 'resource.pressure_warning'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { pressure: number; threshold: number }
        }
      | {
          type: 'event'
          name: 'journal.events_lost'
          epoch: string
          sequence: number
          at_ms: number
          correlation_id?: string
          data: { lost: number; reason: 'storage' | 'late' | 'size' }
        }
  }

  /** Events of this node on disk, the oldest first, by name, time or request. */
  'event.query': {
    input: {
      types?: readonly string[]
      domain?: string
      since_ms?: number
      until_ms?: number
      correlation_id?: string
      limit?: number
      cursor?: string
    }
    output: {
      items: (
        | {
            type: 'event'
            name: 'peer.joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'peer.left'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'peer.duplicated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'manifest.updated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; epoch: number; sequence: number; capabilities: number }
          }
        | {
            type: 'event'
            name: 'mesh.seen'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh_id: string; mesh: string; peer_id: string }
          }
        | {
            type: 'event'
            name: 'mesh.joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh_id: string; mesh: string }
          }
        | {
            type: 'event'
            name: 'mesh.renamed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { mesh: string }
          }
        | {
            type: 'event'
            name: 'mesh.member_joined'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name: string; role: 'admin' | 'member' | 'edge' | 'guest' }
          }
        | {
            type: 'event'
            name: 'mesh.member_revoked'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string }
          }
        | {
            type: 'event'
            name: 'mesh.admin_room_full'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name?: string; room: 'members' | 'revocations' }
          }
        | {
            type: 'event'
            name: 'mesh.join_requested'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { peer_id: string; name: string; phrase: string; expires_at_ms: number }
          }
        | {
            type: 'event'
            name: 'mesh.invite_used'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              peer_id: string
              name: string
              role: 'admin' | 'member' | 'edge' | 'guest'
              phrase: string
            }
          }
        | {
            type: 'event'
            name: 'node.storage_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { code: string | null; message: string | null }
          }
        | {
            type: 'event'
            name: 'node.yielding_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { reasons: ('cpu' | 'memory' | 'battery')[] }
          }
        | {
            type: 'event'
            name: 'node.drain_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { drained: boolean }
          }
        | {
            type: 'event'
            name: 'job.changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              kind: string
              state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
            }
          }
        | {
            type: 'event'
            name: 'job.progress'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              kind: string
              progress: {
                done: number
                total: number | null
                unit: string
                message: string
                per_second?: number
                left_ms?: number
                sources?: { from: string; amount: number }[]
              }
            }
          }
        | {
            type: 'event'
            name: 'inference.request_started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { request_id: string; task: string; model?: string; trace_id?: string }
          }
        | {
            type: 'event'
            name: 'inference.request_completed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              peer_id: string
              route: 'local' | 'remote'
              duration_ms: number
              first_chunk_ms?: number
              input_tokens?: number
              output_tokens?: number
            }
          }
        | {
            type: 'event'
            name: 'inference.request_failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              code: string
              duration_ms: number
            }
          }
        | {
            type: 'event'
            name: 'inference.serving_started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              trace_id?: string
              peer_id: string
            }
          }
        | {
            type: 'event'
            name: 'inference.serving_ended'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              request_id: string
              task: string
              model?: string
              peer_id: string
              code?: string
              duration_ms: number
            }
          }
        | {
            type: 'event'
            name: 'model.loaded'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; duration_ms: number; memory_bytes: number }
          }
        | {
            type: 'event'
            name: 'model.unloaded'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; reason: 'idle' | 'asked' | 'grown' | 'lost' }
          }
        | {
            type: 'event'
            name: 'model.evicted'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string }
          }
        | {
            type: 'event'
            name: 'model.failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; code: string; message: string }
          }
        | {
            type: 'event'
            name: 'engine.installed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string; version: string }
          }
        | {
            type: 'event'
            name: 'engine.removed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.started'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.stopped'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string }
          }
        | {
            type: 'event'
            name: 'engine.error'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { engine: string; model_id: string; code: string; message: string }
          }
        | {
            type: 'event'
            name: 'engine.health_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              engine: string
              old_status: 'healthy' | 'degraded' | 'failing'
              new_status: 'healthy' | 'degraded' | 'failing'
            }
          }
        | {
            type: 'event'
            name: 'model.created'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string; cid: string }
          }
        | {
            type: 'event'
            name: 'model.deleted'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { model_id: string }
          }
        | {
            type: 'event'
            name: 'model.verified'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              model_id: string | null
              valid: boolean
              issues: { model: string; path: string; problem: string }[]
            }
          }
        | {
            type: 'event'
            name: 'model.pull_progress'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              job_id: string
              model_id: string
              bytes_done: number
              bytes_total: number
              bytes_per_second: number
              left_ms: number | null
              sources: { from: string; bytes: number }[]
            }
          }
        | {
            type: 'event'
            name: 'service.created'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              service: {
                id: string
                model_id: string
                status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
                origin: 'settings' | 'created'
                models: ({
                  alias: string
                  model_id: string
                  runtime: string
                  state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
                  reason: string | null
                  job_id: string | null
                })[]
              }
            }
          }
        | {
            type: 'event'
            name: 'service.scaled'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { service_id: string; replicas: number }
          }
        | {
            type: 'event'
            name: 'service.failed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { service_id: string; error: string }
          }
        | {
            type: 'event'
            name: 'device.detected'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              device: {
                id: string
                name: string
                vendor: string | null
                type: 'cpu' | 'gpu' | 'npu'
                memory: number | null
              }
            }
          }
        | {
            type: 'event'
            name: 'device.health_changed'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: {
              device_id: string
              old_status: 'healthy' | 'degraded' | 'failing'
              new_status: 'healthy' | 'degraded' | 'failing'
            }
          }
        | {
            type: 'event'
            name: 'resource.allocated'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; memory: number }
          }
        | {
            type: 'event'
            name: 'resource.released'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; reason: 'released' | 'expired' | 'preempted' }
          }
        | {
            type: 'event'
            name: 'resource.preemption'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { slot_id: string; reason: string }
          }
        | {
            type: 'event'
            name: 'resource.pressure_warning'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { pressure: number; threshold: number }
          }
        | {
            type: 'event'
            name: 'journal.events_lost'
            epoch: string
            sequence: number
            at_ms: number
            correlation_id?: string
            data: { lost: number; reason: 'storage' | 'late' | 'size' }
          })[]
      cursor: string | null
      lost: number
    }
    item: Units['event.query']['output']
  }

  /** Take the port of Ollama or LM Studio, so that its clients reach the mesh, or wait until it is free. */
  'gateway.adopt': {
    input: { product: 'ollama' | 'lmstudio'; port?: number }
    output: {
      product: 'ollama' | 'lmstudio'
      port: number
      state: 'listening' | 'waiting'
      reason: string | null
      move_command: string
    }
    item: Units['gateway.adopt']['output']
  }

  /** The ports of other programs that this node answers on, or waits for. */
  'gateway.adopted': {
    input: Record<string, never>
    output: {
      items: ({
        product: 'ollama' | 'lmstudio'
        port: number
        state: 'listening' | 'waiting'
        reason: string | null
        move_command: string
      })[]
    }
    item: Units['gateway.adopted']['output']
  }

  /** Where gRPC is spoken, and the certificate that its clients trust or pin. */
  'gateway.grpc': {
    input: Record<string, never>
    output: {
      address: string | null
      fingerprint: string | null
      certificate: string | null
    }
    item: Units['gateway.grpc']['output']
  }

  /** A link that opens the page of this node, and lets one browser in. It counts once, for two minutes. */
  'gateway.link': {
    input: { user?: number }
    output: { url: string }
    item: Units['gateway.link']['output']
  }

  /** Give the port of another program back. */
  'gateway.release': {
    input: { product: 'ollama' | 'lmstudio' }
    output: { product: 'ollama' | 'lmstudio'; released: boolean }
    item: Units['gateway.release']['output']
  }

  /** Replace the token of the gateway. All sessions end, and every connection over TCP. */
  'gateway.rotate_token': {
    input: Record<string, never>
    output: { sessions_ended: number }
    item: Units['gateway.rotate_token']['output']
  }

  /** How far a kept answer is, or how it ended, and what its program keeps with it. */
  'inference.answer': {
    input: { id: string }
    output: {
      id: string
      state: 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      chunks: number
      task: string | null
      model: string | null
      peer_id: string | null
      durable: boolean
      created_at_ms: number
      queue?: { place: number; of: number; wait_ms: number }
      error: { code: string; message: string } | null
      note: unknown
    }
    item: Units['inference.answer']['output']
  }

  /** The answers that this device has asked for and keeps, the newest first, with their ids. */
  'inference.answers': {
    input: Record<string, never>
    output: {
      items: ({
        id: string
        state: 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'
        chunks: number
        task: string | null
        model: string | null
        peer_id: string | null
        durable: boolean
        created_at_ms: number
        queue?: { place: number; of: number; wait_ms: number }
        error: { code: string; message: string } | null
      })[]
    }
    item: Units['inference.answers']['output']
  }

  /** The chunks of a kept answer, each once. As a stream: those that are still to come, too. */
  'inference.attach': {
    input: { id: string; from?: number }
    output: {
      items: (
        | { type: 'text'; index: number; text: string }
        | {
            type: 'delta'
            index: number
            text?: string
            reasoning?: string
            tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
            tokens?: number[]
            logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
          }
        | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
        | {
            type: 'progress'
            index: number
            stage: string
            done: number
            total?: number
            continued?: 'exact' | 'prefill'
            queue?: { place: number; of: number; wait_ms: number }
          }
        | { type: 'output'; index: number; output: unknown }
        | {
            type: 'done'
            index: number
            finish_reason: string
            usage: { input_tokens?: number; output_tokens?: number }
            continued?: 'exact' | 'prefill'
            receipts?: string[]
            content_sha256?: string
          })[]
    }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Begin a job that asks for each of many inputs, over all devices that can. Only from its own command line. */
  'inference.batch': {
    input: {
      task?: 'automatic-speech-recognition' | 'face-detection' | 'face-verification' | 'feature-extraction' | 'image-classification' | 'image-feature-extraction' | 'image-to-text' | 'object-detection' | 'tensor' | 'text-generation' | 'text-ranking' | 'text-recognition' | 'text-to-image' | 'text-to-speech' | 'translation' | 'voice-activity-detection' | 'zero-shot-image-classification'
      model?: string
      params?: {
        language?: string
        task?: 'transcribe' | 'translate'
        timestamps?: 'segment' | 'word'
        keep_alive?: string | number | null
        embeddings?: boolean
        threshold?: number
        dimensions?: number
        top_k?: number
        max_tokens?: number
        temperature?: number
        top_p?: number
        min_p?: number
        frequency_penalty?: number
        presence_penalty?: number
        repetition_penalty?: number
        seed?: number
        stop?: readonly string[]
        logprobs?: boolean
        top_logprobs?: number
        tools?: readonly unknown[]
        tool_choice?: 'auto' | 'none' | 'required' | { name: string }
        parallel_tool_calls?: boolean
        response_format?: { type: 'text' } | { type: 'json' } | { type: 'json_schema'; schema: unknown }
        top_n?: number
        negative_prompt?: string
        width?: number
        height?: number
        steps?: number
        count?: number
        voice?: string
        speed?: number
        from?: string
        to?: string
        min_speech_ms?: number
        min_silence_ms?: number
        labels?: readonly string[]
        template?: string
        dataset?: string
      }
      inputs: readonly string[]
      out: string
      budget_ms?: number
      verify?: number
    }
    output: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
    item: Units['inference.batch']['output']
  }

  /** End an answer that this device asks for. What has come stays. One that has ended stays as it is. */
  'inference.cancel': {
    input: { id: string }
    output: {
      id: string
      state: 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      chunks: number
      task: string | null
      model: string | null
      peer_id: string | null
      durable: boolean
      created_at_ms: number
      queue?: { place: number; of: number; wait_ms: number }
      error: { code: string; message: string } | null
    }
    item: Units['inference.cancel']['output']
  }

  /** Continue a conversation, with tools, pictures and answers of a given form where the model has them. */
  'inference.chat': {
    input: {
      model?: string
      messages: readonly (
        | {
            role: 'system' | 'developer'
            content: string | readonly ({ type: 'text'; text: string } | { type: 'image'; image: Base64 })[]
          }
        | {
            role: 'user'
            content: string | readonly ({ type: 'text'; text: string } | { type: 'image'; image: Base64 })[]
            name?: string
          }
        | {
            role: 'assistant'
            content?:
              | string
              | readonly ({ type: 'text'; text: string } | { type: 'image'; image: Base64 })[]
              | null
            reasoning?: string
            calls?: readonly { id: string; name: string; arguments: string }[]
          }
        | {
            role: 'tool'
            content: string | readonly ({ type: 'text'; text: string } | { type: 'image'; image: Base64 })[]
            call: string
            name?: string
          })[]
      max_tokens?: number
      temperature?: number
      top_p?: number
      top_k?: number
      min_p?: number
      frequency_penalty?: number
      presence_penalty?: number
      repetition_penalty?: number
      seed?: number
      stop?: readonly string[]
      logprobs?: boolean
      top_logprobs?: number
      tools?: readonly unknown[]
      tool_choice?: 'auto' | 'none' | 'required' | { name: string }
      parallel_tool_calls?: boolean
      response_format?: { type: 'text' } | { type: 'json' } | { type: 'json_schema'; schema: unknown }
      keep_alive?: string | number | null
    }
    output: {
      model: string
      content: string
      reasoning?: string
      tool_calls?: { id: string; name: string; arguments: string }[]
      logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
      media?: { mime: string; bytes: Base64 }[]
      finish_reason: string
      usage: { input_tokens?: number; output_tokens?: number }
      continued?: 'exact' | 'prefill'
      receipts?: string[]
    }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Say what an image shows, or which of the given labels fits it. */
  'inference.classify': {
    input: {
      model?: string
      image: Base64
      top_k?: number
      keep_alive?: string | number | null
      labels?: readonly string[]
      template?: string
      dataset?: string
    }
    output: { model: string; labels: { label: string; score: number }[] }
    item: Units['inference.classify']['output']
  }

  /** Continue a text as it is. */
  'inference.complete': {
    input: {
      model?: string
      prompt: string
      max_tokens?: number
      temperature?: number
      top_p?: number
      top_k?: number
      min_p?: number
      frequency_penalty?: number
      presence_penalty?: number
      repetition_penalty?: number
      seed?: number
      stop?: readonly string[]
      logprobs?: boolean
      top_logprobs?: number
      tools?: readonly unknown[]
      tool_choice?: 'auto' | 'none' | 'required' | { name: string }
      parallel_tool_calls?: boolean
      response_format?: { type: 'text' } | { type: 'json' } | { type: 'json_schema'; schema: unknown }
      keep_alive?: string | number | null
    }
    output: {
      model: string
      text: string
      reasoning?: string
      tool_calls?: { id: string; name: string; arguments: string }[]
      logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
      media?: { mime: string; bytes: Base64 }[]
      finish_reason: string
      usage: { input_tokens?: number; output_tokens?: number }
      continued?: 'exact' | 'prefill'
      receipts?: string[]
    }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Describe an image, or read it, in words. */
  'inference.describe': {
    input: {
      model?: string
      image: Base64
      max_tokens?: number
      keep_alive?: string | number | null
    }
    output: { model: string; text: string }
    item: Units['inference.describe']['output']
  }

  /** Say what an image shows, and where. */
  'inference.detect': {
    input: {
      model?: string
      image: Base64
      threshold?: number
      keep_alive?: string | number | null
    }
    output: {
      model: string
      detections: {
        label: string
        score: number
        box: { xmin: number; ymin: number; xmax: number; ymax: number }
      }[]
    }
    item: Units['inference.detect']['output']
  }

  /** Find the faces in an image. */
  'inference.detect_faces': {
    input: {
      model?: string
      image: Base64
      embeddings?: boolean
      keep_alive?: string | number | null
    }
    output: {
      model: string
      faces: {
        box: { xmin: number; ymin: number; xmax: number; ymax: number }
        points: (number[])[]
        score: number
      }[]
      dimensions?: number
      embeddings?: Base64
    }
    item: Units['inference.detect_faces']['output']
  }

  /** Find the speech in a recording. */
  'inference.detect_speech': {
    input: {
      model?: string
      audio: Base64
      threshold?: number
      min_speech_ms?: number
      min_silence_ms?: number
      keep_alive?: string | number | null
    }
    output: { model: string; segments: { start_ms: number; end_ms: number }[] }
    item: Units['inference.detect_speech']['output']
  }

  /** Turn texts into vectors, so that near ones mean alike. */
  'inference.embed': {
    input: {
      model?: string
      input: string | readonly string[]
      dimensions?: number
      keep_alive?: string | number | null
    }
    output: {
      model: string
      dimensions: number
      embeddings: (number[])[]
      usage: { input_tokens?: number; output_tokens?: number }
    }
    item: Units['inference.embed']['output']
  }

  /** Whom a request would be sent to, best first, and why; by its id, what became of one of the last thousand. */
  'inference.explain': {
    input: {
      task?: 'automatic-speech-recognition' | 'face-detection' | 'face-verification' | 'feature-extraction' | 'image-classification' | 'image-feature-extraction' | 'image-to-text' | 'object-detection' | 'tensor' | 'text-generation' | 'text-ranking' | 'text-recognition' | 'text-to-image' | 'text-to-speech' | 'translation' | 'voice-activity-detection' | 'zero-shot-image-classification'
      model?: string
      id?: string
    }
    output: {
      items: ({
        peer_id: string
        name: string
        route: 'local' | 'remote'
        task: string
        model: string
        cost_ms: number
        parts: { reason: string; ms: number }[]
        joules_per_token?: number
      })[]
      request: {
        request_id: string
        policy: 'balanced' | 'fastest' | 'local-first' | 'cheapest' | 'greenest'
        candidates: ({
          peer_id: string
          name: string
          model: string
          cost_ms: number | null
          parts: { reason: string; ms: number }[]
          joules_per_token?: number
          fate: 'asked' | 'spare' | 'ejected' | 'too_small'
        })[]
        more: number
        attempts: ({
          peer_id: string
          started_ms: number
          first_chunk_ms: number | null
          ended_ms: number | null
          from: number
          chunks: number
          outcome: string | null
        })[]
        outcome: string | null
        duration_ms: number | null
      } | null
    }
    item: Units['inference.explain']['output']
  }

  /** Delete a kept answer. One that is under way is cancelled. */
  'inference.forget': {
    input: { id: string }
    output: { id: string }
    item: Units['inference.forget']['output']
  }

  /** Make pictures of what a text describes. */
  'inference.generate_image': {
    input: {
      model?: string
      prompt: string
      negative_prompt?: string
      width?: number
      height?: number
      steps?: number
      seed?: number
      count?: number
      keep_alive?: string | number | null
    }
    output: { model: string; images: Base64[]; format: string | null }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Make a video of a text. Not supported: no engine of a node makes videos. */
  'inference.generate_video': {
    input: { model?: string; prompt: string; duration?: number }
    output: { video: string; format: string; duration: number }
    item: Units['inference.generate_video']['output']
  }

  /** The models that can be asked, each once, with their tasks and devices. */
  'inference.models': {
    input: { type?: string }
    output: {
      models: {
        id: string
        types: string[]
        ready: boolean
        leaves_mesh: boolean
        devices: string[]
      }[]
    }
    item: Units['inference.models']['output']
  }

  /** Read the text in an image. */
  'inference.recognize_text': {
    input: { model?: string; image: Base64; keep_alive?: string | number | null }
    output: { model: string; lines: { text: string; score: number; quad: (number[])[] }[] }
    item: Units['inference.recognize_text']['output']
  }

  /** The last thousand requests of this node, the newest first; inference.explain has more of each. */
  'inference.requests': {
    input: {
      state?: 'running' | 'answered' | 'failed'
      model?: string
      limit?: number
      offset?: number
    }
    output: {
      items: ({
        request_id: string
        task: string
        model: string | null
        policy: 'balanced' | 'fastest' | 'local-first' | 'cheapest' | 'greenest'
        at_ms: number
        peer_id: string | null
        name: string | null
        attempts: number
        chunks: number
        first_chunk_ms: number | null
        outcome: string | null
        duration_ms: number | null
      })[]
      total: number
    }
    item: Units['inference.requests']['output']
  }

  /** Put documents in the order in which they answer a query. */
  'inference.rerank': {
    input: {
      model?: string
      query: string
      documents: readonly string[]
      top_n?: number
      keep_alive?: string | number | null
    }
    output: {
      model: string
      results: { index: number; score: number }[]
      usage: { input_tokens?: number; output_tokens?: number }
    }
    item: Units['inference.rerank']['output']
  }

  /** Ask the mesh: any task, any model. Streams text as it is generated. */
  'inference.run': {
    input: {
      task?: 'automatic-speech-recognition' | 'face-detection' | 'face-verification' | 'feature-extraction' | 'image-classification' | 'image-feature-extraction' | 'image-to-text' | 'object-detection' | 'tensor' | 'text-generation' | 'text-ranking' | 'text-recognition' | 'text-to-image' | 'text-to-speech' | 'translation' | 'voice-activity-detection' | 'zero-shot-image-classification'
      model?: string
      input: unknown
      params?: {
        language?: string
        task?: 'transcribe' | 'translate'
        timestamps?: 'segment' | 'word'
        keep_alive?: string | number | null
        embeddings?: boolean
        threshold?: number
        dimensions?: number
        top_k?: number
        max_tokens?: number
        temperature?: number
        top_p?: number
        min_p?: number
        frequency_penalty?: number
        presence_penalty?: number
        repetition_penalty?: number
        seed?: number
        stop?: readonly string[]
        logprobs?: boolean
        top_logprobs?: number
        tools?: readonly unknown[]
        tool_choice?: 'auto' | 'none' | 'required' | { name: string }
        parallel_tool_calls?: boolean
        response_format?: { type: 'text' } | { type: 'json' } | { type: 'json_schema'; schema: unknown }
        top_n?: number
        negative_prompt?: string
        width?: number
        height?: number
        steps?: number
        count?: number
        voice?: string
        speed?: number
        from?: string
        to?: string
        min_speech_ms?: number
        min_silence_ms?: number
        labels?: readonly string[]
        template?: string
        dataset?: string
      }
    }
    output:
      | {
          task: 'automatic-speech-recognition'
          model: string
          output: {
            text: string
            language?: string
            duration_ms?: number
            segments?: { start_ms: number; end_ms: number; text: string }[]
          }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'face-detection'
          model: string
          output: {
            faces: {
              box: { xmin: number; ymin: number; xmax: number; ymax: number }
              points: (number[])[]
              score: number
            }[]
            dimensions?: number
            embeddings?: Base64
          }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'face-verification'
          model: string
          output: { similarity: number; same: boolean }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'feature-extraction'
          model: string
          output: { dimensions: number; vectors: Base64 }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'image-classification'
          model: string
          output: { labels: { label: string; score: number }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'image-feature-extraction'
          model: string
          output: { dimensions: number; vectors: Base64 }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'image-to-text'
          model: string
          output: { text: string }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'object-detection'
          model: string
          output: {
            objects: {
              label: string
              score: number
              box: { xmin: number; ymin: number; xmax: number; ymax: number }
            }[]
          }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'tensor'
          model: string
          output: {
            tensors: Record<string, {
              type: 'float16' | 'float32' | 'float64' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'bool'
              dims: number[]
              data: Base64
            }>
          }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'text-generation'
          model: string
          output: {
            text: string
            reasoning?: string
            tool_calls?: { id: string; name: string; arguments: string }[]
            logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
            media?: { mime: string; bytes: Base64 }[]
          }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'text-ranking'
          model: string
          output: { results: { index: number; score: number }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'text-recognition'
          model: string
          output: { lines: { text: string; score: number; quad: (number[])[] }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'text-to-image'
          model: string
          output: { images: { mime: string; image: Base64 }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'text-to-speech'
          model: string
          output: { mime: string; audio: Base64 }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'translation'
          model: string
          output: { texts: string[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'voice-activity-detection'
          model: string
          output: { segments: { start_ms: number; end_ms: number }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
      | {
          task: 'zero-shot-image-classification'
          model: string
          output: { labels: { label: string; score: number }[] }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
        }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Speak a text. */
  'inference.synthesize': {
    input: {
      model?: string
      text: string
      voice?: string
      speed?: number
      keep_alive?: string | number | null
    }
    output: { model: string; audio: Base64; format: string; duration: number | null }
    item:
      | { type: 'text'; index: number; text: string }
      | {
          type: 'delta'
          index: number
          text?: string
          reasoning?: string
          tool_calls?: { index: number; id?: string; name?: string; arguments?: string }[]
          tokens?: number[]
          logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
        }
      | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
      | {
          type: 'progress'
          index: number
          stage: string
          done: number
          total?: number
          continued?: 'exact' | 'prefill'
          queue?: { place: number; of: number; wait_ms: number }
        }
      | { type: 'output'; index: number; output: unknown }
      | {
          type: 'done'
          index: number
          finish_reason: string
          usage: { input_tokens?: number; output_tokens?: number }
          continued?: 'exact' | 'prefill'
          receipts?: string[]
          content_sha256?: string
        }
  }

  /** Write down what is said in a recording. */
  'inference.transcribe': {
    input: {
      model?: string
      audio: Base64
      language?: string
      task?: 'transcribe' | 'translate'
      timestamps?: 'segment' | 'word'
      keep_alive?: string | number | null
    }
    output: {
      model: string
      text: string
      language?: string
      duration_ms?: number
      segments?: { start_ms: number; end_ms: number; text: string }[]
    }
    item: Units['inference.transcribe']['output']
  }

  /** Say texts in another language. */
  'inference.translate': {
    input: {
      model?: string
      texts: readonly string[]
      from?: string
      to?: string
      keep_alive?: string | number | null
    }
    output: { model: string; texts: string[] }
    item: Units['inference.translate']['output']
  }

  /** Whether receipts were signed by devices of this mesh, for this request and answer. Asks no other device. */
  'inference.verify': {
    input: {
      receipts: readonly string[]
      request?: {
        task?: 'automatic-speech-recognition' | 'face-detection' | 'face-verification' | 'feature-extraction' | 'image-classification' | 'image-feature-extraction' | 'image-to-text' | 'object-detection' | 'tensor' | 'text-generation' | 'text-ranking' | 'text-recognition' | 'text-to-image' | 'text-to-speech' | 'translation' | 'voice-activity-detection' | 'zero-shot-image-classification'
        model?: string
        input: unknown
        params?: {
          language?: string
          task?: 'transcribe' | 'translate'
          timestamps?: 'segment' | 'word'
          keep_alive?: string | number | null
          embeddings?: boolean
          threshold?: number
          dimensions?: number
          top_k?: number
          max_tokens?: number
          temperature?: number
          top_p?: number
          min_p?: number
          frequency_penalty?: number
          presence_penalty?: number
          repetition_penalty?: number
          seed?: number
          stop?: readonly string[]
          logprobs?: boolean
          top_logprobs?: number
          tools?: readonly unknown[]
          tool_choice?: 'auto' | 'none' | 'required' | { name: string }
          parallel_tool_calls?: boolean
          response_format?: { type: 'text' } | { type: 'json' } | { type: 'json_schema'; schema: unknown }
          top_n?: number
          negative_prompt?: string
          width?: number
          height?: number
          steps?: number
          count?: number
          voice?: string
          speed?: number
          from?: string
          to?: string
          min_speech_ms?: number
          min_silence_ms?: number
          labels?: readonly string[]
          template?: string
          dataset?: string
        }
      }
      answer?: string
      pieces?: readonly (
        | { type: 'text'; index: number; text: string }
        | {
            type: 'delta'
            index: number
            text?: string
            reasoning?: string
            tool_calls?: readonly { index: number; id?: string; name?: string; arguments?: string }[]
            tokens?: readonly number[]
            logprobs?: readonly {
              token: string
              logprob: number
              top?: readonly { token: string; logprob: number }[]
            }[]
          }
        | { type: 'data'; index: number; part: number; mime: string; bytes: Base64 }
        | {
            type: 'progress'
            index: number
            stage: string
            done: number
            total?: number
            continued?: 'exact' | 'prefill'
            queue?: { place: number; of: number; wait_ms: number }
          }
        | { type: 'output'; index: number; output: unknown }
        | {
            type: 'done'
            index: number
            finish_reason: string
            usage: { input_tokens?: number; output_tokens?: number }
            continued?: 'exact' | 'prefill'
            receipts?: readonly string[]
            content_sha256?: string
          })[]
    }
    output: {
      ok: boolean
      checked: { request: boolean; answer: boolean }
      receipts: ({
        peer_id: string
        name: string | null
        request_id: string
        task: string
        model: string
        weights: string | null
        engine: string | null
        params: Record<string, number | boolean | string>
        from: number
        pieces: number
        finish_reason: string
        at_ms: number
      })[]
      problems: ({
        reason: 'receipt' | 'signature' | 'mesh' | 'membership' | 'revoked' | 'request' | 'answer' | 'missing'
        receipt: number | null
        message: string
      })[]
    }
    item: Units['inference.verify']['output']
  }

  /** Say whether the largest faces of two images are of one person. */
  'inference.verify_faces': {
    input: {
      model?: string
      images: readonly Base64[]
      threshold?: number
      keep_alive?: string | number | null
    }
    output: { model: string; similarity: number; same: boolean }
    item: Units['inference.verify_faces']['output']
  }

  /** The models that speak, each with its own voice; no device states the names of more. */
  'inference.voices': {
    input: { model?: string }
    output: {
      voices: ({ model_id: string; voice: string | null; ready: boolean; devices: string[] })[]
    }
    item: Units['inference.voices']['output']
  }

  /** Give a job up. One that has ended stays as it is. */
  'job.cancel': {
    input: { job_id: string }
    output: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
    item: Units['job.cancel']['output']
  }

  /** The jobs of this node, without results: those under way, and those that ended not long ago. */
  'job.list': {
    input: Record<string, never>
    output: {
      items: ({
        id: string
        kind: string
        summary: string
        state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
        progress: {
          done: number
          total: number | null
          unit: string
          message: string
          per_second?: number
          left_ms?: number
          sources?: { from: string; amount: number }[]
        } | null
        error: { code: string; message: string; hint?: string } | null
        restarts: number
        created_at_ms: number
        started_at_ms: number | null
        ended_at_ms: number | null
      })[]
    }
    item: Units['job.list']['output']
  }

  /** One job. As a stream: the job after each change, until it has ended. */
  'job.show': {
    input: { job_id: string }
    output: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
    item: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
  }

  /** The last lines of the log of this node. As a stream: those that follow, too. */
  'log.tail': {
    input: { lines?: number; level?: 'debug' | 'info' | 'warn' | 'error' }
    output: {
      items: ({
        time: string | null
        level: 'debug' | 'info' | 'warn' | 'error'
        message: string
        fields: Record<string, unknown>
      })[]
    }
    item: {
      time: string | null
      level: 'debug' | 'info' | 'warn' | 'error'
      message: string
      fields: Record<string, unknown>
    }
  }

  /** Call a tool of an MCP server of this device. */
  'mcp.call': {
    input: { server: string; tool: string; input?: Record<string, unknown> }
    output: {
      content: (
        | { type: 'text'; text: string }
        | { type: 'image' | 'audio'; mime: string; bytes: string }
        | { type: 'resource'; uri: string; mime: string | null; text: string | null })[]
      structured: Record<string, unknown> | null
      is_error: boolean
    }
    item: Units['mcp.call']['output']
  }

  /** The MCP servers whose tools this device has, as far as they are open to the caller. */
  'mcp.servers': {
    input: Record<string, never>
    output: {
      items: ({
        name: string
        state: 'idle' | 'running' | 'connected' | 'failed'
        offered_to:
          | 'everyone'
          | { roles?: ('admin' | 'member' | 'edge' | 'guest')[]; peers?: string[] }
          | null
      })[]
    }
    item: Units['mcp.servers']['output']
  }

  /** The tools of an MCP server of this device, with the JSON Schemas of their inputs. */
  'mcp.tools': {
    input: { server: string }
    output: {
      items: { name: string; description: string; input: Record<string, unknown> }[]
    }
    item: Units['mcp.tools']['output']
  }

  /** Keep the text of a file (text, Markdown, HTML, PDF) in pieces that can be quoted. */
  'memory.add': {
    input: {
      space: string
      doc?: string
      name: string
      content?: Base64
      text?: string
      modified?: number
      root?: string
    }
    output: {
      name: string
      cid: string
      status: 'added' | 'updated' | 'unchanged'
      pieces: number
      written: number
    }
    item: Units['memory.add']['output']
  }

  /** Append an entry to a journal, or a message to a thread. */
  'memory.append': {
    input: {
      space: string
      doc: string
      value: unknown
      id?: string
      kind?: 'journal' | 'thread'
    }
    output: { seq: number; id: string | null }
    item: Units['memory.append']['output']
  }

  /** Put a signed snapshot in the place of the history that each device of the space has. */
  'memory.compact': {
    input: { space: string }
    output: { bytes_before: number; bytes_after: number }
    item: Units['memory.compact']['output']
  }

  /** Make a space of memory on this device. It is private until it is shared. */
  'memory.create': {
    input: { name: string }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.create']['output']
  }

  /** The documents of a space. */
  'memory.docs': {
    input: { space: string }
    output: {
      items: ({
        name: string
        kind: 'facts' | 'journal' | 'thread' | 'tasks' | 'notes' | 'raw'
        entries: number
        bytes: number
      })[]
    }
    item: Units['memory.docs']['output']
  }

  /** Give notes this text. Only what differs is written, so that edits of other devices stay. */
  'memory.edit': {
    input: { space: string; doc: string; text: string }
    output: { seq: number; id: string | null }
    item: Units['memory.edit']['output']
  }

  /** Let nothing count that a device wrote in a space, on each device of the space. */
  'memory.exclude': {
    input: { space: string; peer: string }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.exclude']['output']
  }

  /** The readable content of a space, as the text that memory.import takes. */
  'memory.export': {
    input: { space: string; format?: 'exact' | 'markdown' }
    output: { text: string; left_out: string[] }
    item: Units['memory.export']['output']
  }

  /** Remove a document or a space, on each device that has it. */
  'memory.forget': {
    input: { space: string; doc?: string }
    output: { space: string; doc: string | null }
    item: Units['memory.forget']['output']
  }

  /** One fact of a space, or the entry or task of an id. */
  'memory.get': {
    input: { space: string; key: string; doc?: string }
    output: { value: unknown }
    item: Units['memory.get']['output']
  }

  /** Who wrote what and when, the newest first. */
  'memory.history': {
    input: { space: string; doc?: string; limit?: number }
    output: {
      items: ({
        writer: string
        writer_name: string | null
        seq: number
        at: number
        doc: string
        keys: string[]
      })[]
    }
    item: Units['memory.history']['output']
  }

  /** Keep all of the log of a space on this device, or the newest snapshot and what came after. */
  'memory.hold': {
    input: { space: string; part: 'all' | 'newest' }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.hold']['output']
  }

  /** Make a new space of what memory.export gave. */
  'memory.import': {
    input: { name: string; text: string; format?: 'exact' | 'markdown' }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
      left_out: string[]
    }
    item: Units['memory.import']['output']
  }

  /** The spaces of this device. */
  'memory.list': {
    input: Record<string, never>
    output: {
      items: ({
        name: string
        id: string
        right: 'carry' | 'read' | 'write' | 'own'
        shared: boolean
        grants: ({
          peer_id: string | null
          name: string | null
          role: string | null
          right: 'carry' | 'read' | 'write' | 'own'
        })[]
        hash: string | null
        docs: number
        entries: number
        bytes: number
        part: 'all' | 'newest'
        log: { here: number; in_snapshot: number }
        peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
      })[]
    }
    item: Units['memory.list']['output']
  }

  /** A document: its facts, entries, tasks or text. Of a long journal or thread, ask for the last entries. */
  'memory.open': {
    input: {
      space: string
      doc?: string
      kind?: 'facts' | 'journal' | 'thread' | 'tasks' | 'notes' | 'raw'
      last?: number
    }
    output: {
      kind: 'facts' | 'journal' | 'thread' | 'tasks' | 'notes' | 'raw'
      facts?: Record<string, unknown>
      entries?: { id: string; value: unknown; writer: string; at: number }[]
      earlier?: number
      tasks?: ({
        id: string
        title: string
        state: 'open' | 'done' | 'dropped'
        assignee: string | null
        writer: string
        at: number
      })[]
      text?: string
      update?: Base64
    }
    item: Units['memory.open']['output']
  }

  /** Remove an entry, a message or a task by its id. */
  'memory.remove': {
    input: { space: string; doc: string; id: string }
    output: { seq: number; id: string | null }
    item: Units['memory.remove']['output']
  }

  /** Keep a file of a space no longer. */
  'memory.remove_source': {
    input: { space: string; doc?: string; name: string }
    output: { removed: boolean }
    item: Units['memory.remove_source']['output']
  }

  /** What is in memory about this, by its words and by what it means, the best first. */
  'memory.search': {
    input: {
      query: string
      spaces?: readonly string[]
      docs?: readonly string[]
      kinds?: readonly ('facts' | 'journal' | 'thread' | 'tasks' | 'notes' | 'raw')[]
      writer?: string
      since?: number
      until?: number
      mode?: 'hybrid' | 'text' | 'vector'
      limit?: number
    }
    output: {
      items: ({
        space: string
        doc: string
        kind: 'facts' | 'journal' | 'thread' | 'tasks' | 'notes' | 'raw'
        key: string | null
        text: string
        score: number
        writer: string | null
        at: number | null
        source: {
          writer: string
          added: number
          cid: string
          name: string
          type: string
          piece: number
          pieces: number
          heading?: string
          page?: number
          lines?: number[]
        } | null
      })[]
      mode: 'hybrid' | 'text' | 'vector'
      model: string | null
      pending: number
      left: number
    }
    item: Units['memory.search']['output']
  }

  /** Keep a fact. It is on disk when this returns. */
  'memory.set': {
    input: { space: string; key: string; value: unknown; doc?: string }
    output: { seq: number; id: string | null }
    item: Units['memory.set']['output']
  }

  /** Give a device, or each device of a role, a right in a space: carry, read, write or own. */
  'memory.share': {
    input: {
      space: string
      peer?: string
      role?: 'admin' | 'member' | 'edge' | 'guest'
      right?: 'carry' | 'read' | 'write' | 'own'
    }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.share']['output']
  }

  /** The files of a space: their CIDs, which device added each and when. */
  'memory.sources': {
    input: { space: string; doc?: string }
    output: {
      items: ({
        name: string
        cid: string
        bytes: number
        type: string
        title: string | null
        pieces: number
        modified: number | null
        root: string | null
        writer: string
        added: number
        whole: boolean
      })[]
    }
    item: Units['memory.sources']['output']
  }

  /** One space: its content hash, its size, and the connected devices that have it too. */
  'memory.status': {
    input: { space: string }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.status']['output']
  }

  /** Add a task, or change the title, state or assignee of one. */
  'memory.task': {
    input: {
      space: string
      doc?: string
      id?: string
      title?: string
      state?: 'open' | 'done' | 'dropped'
      assignee?: string | null
    }
    output: { seq: number; id: string | null }
    item: Units['memory.task']['output']
  }

  /** Keep a fact no longer. */
  'memory.unset': {
    input: { space: string; key: string; doc?: string }
    output: { seq: number; id: string | null }
    item: Units['memory.unset']['output']
  }

  /** Take its right from a device or role. What is written from now on has another key. */
  'memory.unshare': {
    input: { space: string; peer?: string; role?: 'admin' | 'member' | 'edge' | 'guest' }
    output: {
      name: string
      id: string
      right: 'carry' | 'read' | 'write' | 'own'
      shared: boolean
      grants: ({
        peer_id: string | null
        name: string | null
        role: string | null
        right: 'carry' | 'read' | 'write' | 'own'
      })[]
      hash: string | null
      docs: number
      entries: number
      bytes: number
      part: 'all' | 'newest'
      log: { here: number; in_snapshot: number }
      peers: ({ peer_id: string; name: string | null; in_step: boolean })[]
    }
    item: Units['memory.unshare']['output']
  }

  /** Check each signature and chain of a space anew, and rebuild its documents. */
  'memory.verify': {
    input: { space: string }
    output: { envelopes: number; problems: string[] }
    item: Units['memory.verify']['output']
  }

  /** The next change of a space. As a stream: each change from now on. */
  'memory.watch': {
    input: { space: string; doc?: string }
    output: {
      space: string
      doc: string
      writer: string
      writer_name: string | null
      keys: string[] | null
    }
    item: {
      space: string
      doc: string
      writer: string
      writer_name: string | null
      keys: string[] | null
    }
  }

  /** Several changes of one document: all of them or none. They are on disk when this returns. */
  'memory.write': {
    input: {
      space: string
      doc: string
      kind?: 'facts' | 'journal' | 'thread' | 'tasks' | 'notes'
      changes: readonly (
        | { type: 'set'; key: string; value: unknown }
        | { type: 'unset'; key: string }
        | { type: 'append'; id?: string; value: unknown }
        | { type: 'remove'; id: string }
        | {
            type: 'task'
            id?: string
            title?: string
            state?: 'open' | 'done' | 'dropped'
            assignee?: string | null
          }
        | { type: 'text'; text: string }
        | { type: 'replace'; find: string; insert: string }
        | { type: 'edit'; at: number; remove: number; insert: string })[]
    }
    output: { seq: number; ids: string[] }
    item: Units['memory.write']['output']
  }

  /** Let a device in that asks to join, once both screens show the same phrase. */
  'mesh.approve': {
    input: { peer: string; role?: 'admin' | 'member' | 'edge' | 'guest' }
    output: { peer_id: string; name: string; phrase: string; expires_at_ms: number }
    item: Units['mesh.approve']['output']
  }

  /** Turn a device away that asks to join. */
  'mesh.deny': {
    input: { peer: string }
    output: { peer_id: string; name: string; phrase: string; expires_at_ms: number }
    item: Units['mesh.deny']['output']
  }

  /** What discovery on the local network saw and did: links, sighted peers, and how dialing them ended. */
  'mesh.discovery': {
    input: Record<string, never>
    output: {
      mdns: boolean
      links: ({
        name: string
        family: 'ipv4' | 'ipv6'
        loopback: boolean
        state: 'new' | 'asking' | 'tunnel' | 'port-taken' | 'failed'
        sent_ago_ms: number | null
        heard_ago_ms: number | null
        error: string | null
      })[]
      sightings: ({
        peer_id: string
        name: string | null
        mesh: string | null
        address: string
        link: string
        seen_ago_ms: number
        connected: boolean
        dial: {
          outcome: 'dialing' | 'connected' | 'timeout' | 'refused' | 'unreachable' | 'failed'
          ago_ms: number
        } | null
      })[]
      copy: { address: string; link: string; seen_ago_ms: number } | null
    }
    item: Units['mesh.discovery']['output']
  }

  /** Give out the root key of the mesh, and take it off this device if wanted. */
  'mesh.export_root': {
    input: { remove?: boolean }
    output: { root_key: string }
    item: Units['mesh.export_root']['output']
  }

  /** Put the root key of a mesh on this device, which makes it an admin. */
  'mesh.import_root': {
    input: { root_key: string }
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.import_root']['output']
  }

  /** Make a code that lets one device join, within ten minutes. */
  'mesh.invite': {
    input: { role?: 'admin' | 'member' | 'edge' | 'guest' }
    output: {
      code: string
      role: 'admin' | 'member' | 'edge' | 'guest'
      expires_at_ms: number
      left_out: string[]
    }
    item: Units['mesh.invite']['output']
  }

  /** Join the mesh that a code invites to. */
  'mesh.join': {
    input: { code: string; name?: string }
    output: {
      mesh: string
      mesh_id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest'
      phrase: string
    }
    item: Units['mesh.join']['output']
  }

  /** Ask a mesh on the local network to be let in. Streams the mesh, the phrase to compare, then the outcome. */
  'mesh.join_nearby': {
    input: { mesh?: string; name?: string }
    output: {
      mesh: string
      mesh_id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest'
      phrase: string
    }
    item:
      | { mesh: string; mesh_id: string; type: 'found' }
      | {
          mesh: string
          mesh_id: string
          peer_id: string
          phrase: string
          type: 'asking'
        }
      | {
          mesh: string
          mesh_id: string
          name: string
          role: 'admin' | 'member' | 'edge' | 'guest'
          phrase: string
          type: 'joined'
        }
  }

  /** Forget this mesh, and begin one of this node alone. */
  'mesh.leave': {
    input: Record<string, never>
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.leave']['output']
  }

  /** Let devices on the local network ask to join, for ten minutes. */
  'mesh.listen': {
    input: Record<string, never>
    output: { until_ms: number }
    item: Units['mesh.listen']['output']
  }

  /** Every device that belongs to the mesh. */
  'mesh.members': {
    input: Record<string, never>
    output: {
      items: ({
        peer_id: string
        name: string
        role: 'admin' | 'member' | 'edge' | 'guest'
        expires_at_ms: number
        online: boolean
        self: boolean
        duplicated: boolean
      })[]
    }
    item: Units['mesh.members']['output']
  }

  /** Other meshes that were seen on the local network. */
  'mesh.nearby': {
    input: Record<string, never>
    output: { items: { mesh: string; mesh_id: string; devices: string[] }[] }
    item: Units['mesh.nearby']['output']
  }

  /** The peers that are connected now, and what they offer. */
  'mesh.peers': {
    input: Record<string, never>
    output: {
      items: ({
        peer_id: string
        name: string
        path: string
        address: string
        rtt_ms: number | null
        software: string | null
        capabilities: {
          task: string
          model: string
          slots: number
          warm: boolean
          context_tokens?: number
          format?: string
          file_bytes?: number
          leaves_mesh?: boolean
          resumes?: boolean
          repeats?: boolean
          takes_images?: boolean
          joules_per_token?: number
          speed?: { first_chunk_ms: number; tokens_per_second?: number }
        }[]
        duplicated: boolean
      })[]
    }
    item: Units['mesh.peers']['output']
  }

  /** Make a member an admin. Only a device that holds the root key can. */
  'mesh.promote': {
    input: { peer: string }
    output: {
      peer_id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest'
      expires_at_ms: number
      online: boolean
      self: boolean
      duplicated: boolean
    }
    item: Units['mesh.promote']['output']
  }

  /** Give the mesh another name, on every device. */
  'mesh.rename': {
    input: { name: string }
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.rename']['output']
  }

  /** Give this node another name on every device; an admin must be connected. */
  'mesh.rename_device': {
    input: { name: string }
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.rename_device']['output']
  }

  /** Leave the mesh and begin one of this node alone, under another key: the way back after a removal. */
  'mesh.renew_identity': {
    input: Record<string, never>
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.renew_identity']['output']
  }

  /** The devices that ask to join. */
  'mesh.requests': {
    input: Record<string, never>
    output: {
      items: { peer_id: string; name: string; phrase: string; expires_at_ms: number }[]
    }
    item: Units['mesh.requests']['output']
  }

  /** Remove a device from the mesh for good. */
  'mesh.revoke': {
    input: { peer: string }
    output: {
      peer_id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest'
      expires_at_ms: number
      online: boolean
      self: boolean
      duplicated: boolean
    }
    item: Units['mesh.revoke']['output']
  }

  /** The mesh of this node: its name and id, what this node may do in it, who holds the root key. */
  'mesh.show': {
    input: Record<string, never>
    output: {
      id: string
      name: string
      role: 'admin' | 'member' | 'edge' | 'guest' | null
      device_name: string
      expires_at_ms: number | null
      holds_root: boolean
      members: number
      admins: number
      advice: string[]
      advice_codes: ('removed' | 'orphan' | 'expired' | 'ahead' | 'copied' | 'behind' | 'said_removed' | 'clocks' | 'one_admin' | 'renewal_late' | 'root_renews')[]
    }
    item: Units['mesh.show']['output']
  }

  /** This node: who it is, where it listens, how it is doing. */
  'mesh.status': {
    input: Record<string, never>
    output: {
      peer_id: string
      name: string
      version: string
      mesh: string
      mesh_id: string
      uptime_s: number
      addresses: string[]
      peers: number
      connections: number
      streams: number
      requests: { own: number; running: number; queued: number }
      yielding: ('cpu' | 'memory' | 'battery')[]
      drained: boolean
      storage: 'ok' | 'full' | 'failing'
      memory_bytes: number
      hardware: {
        platform: string
        arch: string
        cpu: string
        cores: number
        memory_bytes: number
        accelerators: string[]
      }
      gateway: string | null
      refused_origins: string[]
      adopted: ({
        product: 'ollama' | 'lmstudio'
        port: number
        state: 'listening' | 'waiting'
        reason: string | null
        move_command: string
      })[]
    }
    item: Units['mesh.status']['output']
  }

  /** Begin a job that reads the models of this device, compares their hashes, and opens them. */
  'model.check': {
    input: { model_id?: string }
    output: {
      id: string
      kind: string
      summary: string
      state: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      progress: {
        done: number
        total: number | null
        unit: string
        message: string
        per_second?: number
        left_ms?: number
        sources?: { from: string; amount: number }[]
      } | null
      result: unknown
      error: { code: string; message: string; hint?: string } | null
      restarts: number
      created_at_ms: number
      started_at_ms: number | null
      ended_at_ms: number | null
    }
    item: Units['model.check']['output']
  }

  /** Begin a job that brings a model of this name from a source or path. Its task and format are what its files say. */
  'model.create': {
    input: {
      name: string
      type?: string
      format?: string
      source?: string
      path?: string
    }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.create']['output']
  }

  /** Take a model off this device, with the files that no other model has. */
  'model.delete': {
    input: { model_id: string; force?: boolean }
    output: { model_id: string; success: boolean }
    item: Units['model.delete']['output']
  }

  /** What the weights of this device take on its disk, and how much of it models share. */
  'model.du': {
    input: Record<string, never>
    output: {
      directory: string
      bytes: number
      partial_bytes: number
      unused_bytes: number
      max_bytes: number | null
      free_bytes: number
      models: { model: string; bytes: number; shared_bytes: number }[]
    }
    item: Units['model.du']['output']
  }

  /** What a model takes of the memory of a device that loads it, as measured or by its files. */
  'model.estimate_resources': {
    input: { model_id: string }
    output: {
      model_id: string
      memory_min: number | null
      memory_recommended: number | null
      gpu_type: string | null
    }
    item: Units['model.estimate_resources']['output']
  }

  /** Begin a job that copies the files of a model into a folder. Only from the command line of the device. */
  'model.export': {
    input: { model_id: string; path: string }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.export']['output']
  }

  /** Remove what no model refers to: nothing that is pinned, in use or on its way. */
  'model.gc': {
    input: { dry_run?: boolean; unfinished?: boolean }
    output: { files: number; nodes: number; bytes: number }
    item: Units['model.gc']['output']
  }

  /** One model, with all its tasks and its providers. */
  'model.get': {
    input: { model_id: string }
    output: {
      id: string
      name: string
      type: string
      status: 'cold' | 'loading' | 'ready' | 'draining'
      format: string | null
      size: number | null
      requirements: { memory_min: number } | null
      weights: {
        cid: string
        bytes: number
        pinned: boolean
        copies: number | null
        state: 'whole' | 'checking' | 'damaged'
      } | null
      providers: ({
        peer_id: string
        name: string
        route: 'local' | 'remote'
        slots: number
        warm: boolean
        state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
        memory_bytes: number | null
        context_tokens: number | null
        takes_images: boolean
        leaves_mesh: boolean
        first_chunk_ms: number | null
        tokens_per_second: number | null
        stated: { first_chunk_ms: number; tokens_per_second?: number } | null
        offered_to?:
          | 'everyone'
          | { roles?: ('admin' | 'member' | 'edge' | 'guest')[]; peers?: string[] }
          | null
      })[]
      tasks: string[]
    }
    item: Units['model.get']['output']
  }

  /** Begin a job that makes a model of a file or folder of this device. Only from its own command line. */
  'model.import': {
    input: { path: string; name?: string }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.import']['output']
  }

  /** Every model the mesh offers, with its providers, and what this node left out, with the reason. */
  'model.list': {
    input: {
      type?: string
      status?: 'cold' | 'loading' | 'ready' | 'draining'
      format?: string
      limit?: number
      offset?: number
    }
    output: {
      items: ({
        id: string
        name: string
        type: string
        status: 'cold' | 'loading' | 'ready' | 'draining'
        format: string | null
        size: number | null
        requirements: { memory_min: number } | null
        weights: {
          cid: string
          bytes: number
          pinned: boolean
          copies: number | null
          state: 'whole' | 'checking' | 'damaged'
        } | null
        providers: ({
          peer_id: string
          name: string
          route: 'local' | 'remote'
          slots: number
          warm: boolean
          state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
          memory_bytes: number | null
          context_tokens: number | null
          takes_images: boolean
          leaves_mesh: boolean
          first_chunk_ms: number | null
          tokens_per_second: number | null
          stated: { first_chunk_ms: number; tokens_per_second?: number } | null
          offered_to?:
            | 'everyone'
            | { roles?: ('admin' | 'member' | 'edge' | 'guest')[]; peers?: string[] }
            | null
        })[]
      })[]
      total: number
      left_out: ({ place: string; code: string; reason: string; model_id: string | null })[]
    }
    item: Units['model.list']['output']
  }

  /** Load a model of this device, and wait for it. */
  'model.load': {
    input: { model_id: string }
    output: {
      model_id: string
      status: 'cold' | 'loading' | 'ready' | 'draining'
      memory_bytes: number
    }
    item: Units['model.load']['output']
  }

  /** Offer a model of this node to everyone, to roles or to peers, whatever the settings say. */
  'model.offer': {
    input: {
      model_id: string
      to?: 'everyone' | {
        roles?: readonly ('admin' | 'member' | 'edge' | 'guest')[]
        peers?: readonly string[]
      }
    }
    output: {
      model_id: string
      offered_to:
        | 'everyone'
        | { roles?: ('admin' | 'member' | 'edge' | 'guest')[]; peers?: string[] }
        | null
    }
    item: Units['model.offer']['output']
  }

  /** Keep the weights of a model, whatever else needs the room. */
  'model.pin': {
    input: { model_id: string }
    output: { model_id: string; pinned: boolean }
    item: Units['model.pin']['output']
  }

  /** Begin a job that brings a model: from devices of the mesh where they have it, else from its origin. */
  'model.pull': {
    input: {
      ref: string
      name?: string
      all?: boolean
      parts?: { folders: readonly string[]; datasets: readonly string[] }
    }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.pull']['output']
  }

  /** Begin a job that makes a model with weights of 8 bits of one with full weights, and measures what that changes. */
  'model.quantize': {
    input: { model_id: string; name: string; data?: string }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.quantize']['output']
  }

  /** Have so many devices of the mesh hold the weights of a model. Those with room fetch them; no copy is removed. */
  'model.replicate': {
    input: { model_id: string; copies: number }
    output: { cid: string; copies: number; model_id: string }
    item: Units['model.replicate']['output']
  }

  /** What keeps the engines of this device from its files and its network. */
  'model.sandbox': {
    input: Record<string, never>
    output: { sandbox: 'bubblewrap' | 'user' | 'none' }
    item: Units['model.sandbox']['output']
  }

  /** Models of Hugging Face, or of the mirror in the settings, by words of their names. */
  'model.search': {
    input: { query: string; limit?: number }
    output: { results: ({ ref: string; type: string | null; downloads: number | null })[] }
    item: Units['model.search']['output']
  }

  /** Unload a model of this device, once its requests have ended. The next request loads it again. */
  'model.unload': {
    input: { model_id: string }
    output: {
      model_id: string
      status: 'cold' | 'loading' | 'ready' | 'draining'
      memory_bytes: number
    }
    item: Units['model.unload']['output']
  }

  /** Keep the weights of a model like those of any other. */
  'model.unpin': {
    input: { model_id: string }
    output: { model_id: string; pinned: boolean }
    item: Units['model.unpin']['output']
  }

  /** Begin a job that hashes the weights of one model, or of all, anew. */
  'model.verify': {
    input: { model_id?: string }
    output: {
      model_id: string | null
      status: 'queued' | 'running' | 'cancelling' | 'done' | 'failed' | 'cancelled' | 'interrupted'
      job_id: string
    }
    item: Units['model.verify']['output']
  }

  /** Devices of the mesh that hold the weights of a model, in whole or in part. */
  'model.where': {
    input: { model_id: string }
    output: {
      items: { peer_id: string; name: string; bytes_have: number; bytes_total: number }[]
      copies: number | null
    }
    item: Units['model.where']['output']
  }

  /** Offer a model of this node to nobody else. What others have under way with it ends. */
  'model.withdraw': {
    input: { model_id: string }
    output: {
      model_id: string
      offered_to:
        | 'everyone'
        | { roles?: ('admin' | 'member' | 'edge' | 'guest')[]; peers?: string[] }
        | null
    }
    item: Units['model.withdraw']['output']
  }

  /** Refuse requests of other devices until node.undrain, or until the node ends. Those under way go on to their end. */
  'node.drain': {
    input: Record<string, never>
    output: { drained: boolean; under_way: number }
    item: Units['node.drain']['output']
  }

  /** Metrics of this node in the text format of Prometheus. */
  'node.metrics': {
    input: Record<string, never>
    output: { text: string }
    item: Units['node.metrics']['output']
  }

  /** How this node is doing: what it has under way, whether it serves others, its disk and memory. */
  'node.status': {
    input: Record<string, never>
    output: {
      peer_id: string
      name: string
      version: string
      mesh: string
      mesh_id: string
      uptime_s: number
      addresses: string[]
      peers: number
      connections: number
      streams: number
      requests: { own: number; running: number; queued: number }
      yielding: ('cpu' | 'memory' | 'battery')[]
      drained: boolean
      storage: 'ok' | 'full' | 'failing'
      memory_bytes: number
      hardware: {
        platform: string
        arch: string
        cpu: string
        cores: number
        memory_bytes: number
        accelerators: string[]
      }
    }
    item: Units['node.status']['output']
  }

  /** Stop this node. Requests under way are given time to end. */
  'node.stop': {
    input: Record<string, never>
    output: { stopping: true }
    item: Units['node.stop']['output']
  }

  /** Take requests of other devices again. */
  'node.undrain': {
    input: Record<string, never>
    output: { drained: boolean; under_way: number }
    item: Units['node.undrain']['output']
  }

  /** Keep memory free of models for another program, for an hour unless said: idle models are unloaded for it, and none is loaded into it. */
  'resource.allocate': {
    input: {
      name: string
      type: string
      memory_bytes: number
      priority?: number
      duration_s?: number
      gpu_fraction?: number
    }
    output: { slot_id: string; expires_at_ms: number }
    item: Units['resource.allocate']['output']
  }

  /** Slots and loaded models, each with its memory. */
  'resource.allocations': {
    input: { slot_id?: string; type?: string }
    output: {
      allocations: ({
        slot_id: string | null
        name: string
        type: string
        memory_bytes: number
        priority: number | null
        status: 'in_use' | 'idle'
        expires_at_ms: number | null
      })[]
    }
    item: Units['resource.allocations']['output']
  }

  /** What models may take of the memory, and what they and slots take. */
  'resource.budget': {
    input: Record<string, never>
    output: {
      total: number
      reserved: number
      pools: { models: { limit: number; used: number }; slots: { used: number } }
    }
    item: Units['resource.budget']['output']
  }

  /** Whether a slot of this size would be allocated now. */
  'resource.can_allocate': {
    input: { memory_bytes: number; priority?: number }
    output: { can_allocate: boolean; reason?: string }
    item: Units['resource.can_allocate']['output']
  }

  /** What has an address that can be read and watched, as patterns. */
  'resource.list': {
    input: Record<string, never>
    output: {
      items: ({
        uri: string
        unit: string
        summary: string
        permission: 'read' | 'use' | 'manage' | 'keys'
        events: string[]
        every_ms: number
      })[]
    }
    item: Units['resource.list']['output']
  }

  /** What the query of a resource answers, by the address of the resource. */
  'resource.read': {
    input: { uri: string }
    output: Record<string, unknown>
    item: Units['resource.read']['output']
  }

  /** Give the memory of a slot back to models. */
  'resource.release': {
    input: { slot_id: string }
    output: { success: true }
    item: Units['resource.release']['output']
  }

  /** Memory and disk of this device, slots and loaded models, and how much of the memory none gives up. */
  'resource.status': {
    input: Record<string, never>
    output: {
      memory: { total: number; used: number; budget: number; allocated: number }
      storage: { total: number; free: number }
      slots: ({
        slot_id: string | null
        name: string
        type: string
        memory_bytes: number
        priority: number | null
        status: 'in_use' | 'idle'
        expires_at_ms: number | null
      })[]
      models: { model_id: string; slots: number; running: number; queued: number }[]
      pressure: number
    }
    item: Units['resource.status']['output']
  }

  /** Give a slot another size, or more time from now on. */
  'resource.update_slot': {
    input: { slot_id: string; memory_limit?: number; duration_s?: number }
    output: { success: true }
    item: Units['resource.update_slot']['output']
  }

  /** A resource now. As a stream: the whole, then a JSON Patch after each change, until it is left. */
  'resource.watch': {
    input: { uri: string; since?: string }
    output:
      | { type: 'snapshot'; id: string; data: unknown }
      | {
          type: 'patch'
          id: string
          patch: ({ op: 'add' | 'remove' | 'replace'; path: string; value?: unknown })[]
        }
      | { type: 'heartbeat'; id: string }
    item:
      | { type: 'snapshot'; id: string; data: unknown }
      | {
          type: 'patch'
          id: string
          patch: ({ op: 'add' | 'remove' | 'replace'; path: string; value?: unknown })[]
        }
      | { type: 'heartbeat'; id: string }
  }

  /** Have this device answer to a name with a model, which a job brings where it is not here. */
  'service.create': {
    input: {
      model_id: string
      service_id?: string
      runtime?: 'onnx' | 'torch' | 'gguf' | 'external'
      source?: string
    }
    output: { service_id: string }
    item: Units['service.create']['output']
  }

  /** Forget a service that was created. Its model stays on the disk. */
  'service.delete': {
    input: { service_id: string }
    output: { success: true }
    item: Units['service.delete']['output']
  }

  /** One service, with its models and the devices that answer to it. */
  'service.get': {
    input: { service_id: string }
    output: {
      id: string
      model_id: string
      status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
      origin: 'settings' | 'created' | null
      tasks: string[]
      replicas: number | null
      models: ({
        alias: string
        model_id: string
        runtime: string
        state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
        reason: string | null
        job_id: string | null
      })[]
      devices: ({
        peer_id: string
        name: string
        state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
      })[]
    }
    item: Units['service.get']['output']
  }

  /** The services of this device and of others, with the devices that answer to each. */
  'service.list': {
    input: {
      status?: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
      model_id?: string
    }
    output: {
      services: ({
        id: string
        model_id: string
        status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
        origin: 'settings' | 'created' | null
        tasks: string[]
        replicas: number | null
        models: ({
          alias: string
          model_id: string
          runtime: string
          state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
          reason: string | null
          job_id: string | null
        })[]
        devices: ({
          peer_id: string
          name: string
          state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
        })[]
      })[]
    }
    item: Units['service.list']['output']
  }

  /** How large a device a model needs, on how many it should be, and what these answered lately. */
  'service.recommend': {
    input: { model_id: string; hint?: 'latency' | 'throughput' | 'availability' }
    output: {
      resource_class: 'small' | 'medium' | 'large' | 'unknown'
      memory_bytes: number | null
      replicas: number
      expected_throughput: number | null
    }
    item: Units['service.recommend']['output']
  }

  /** Say how many devices are to hold the default model of a service. Copies answer to the name of the model. */
  'service.scale': {
    input: { service_id: string; replicas: number }
    output: { success: true }
    item: Units['service.scale']['output']
  }

  /** Bring and serve the models of a service, also after a restart of the node. */
  'service.start': {
    input: { service_id: string }
    output: {
      id: string
      model_id: string
      status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
      origin: 'settings' | 'created' | null
      tasks: string[]
      replicas: number | null
      models: ({
        alias: string
        model_id: string
        runtime: string
        state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
        reason: string | null
        job_id: string | null
      })[]
      devices: ({
        peer_id: string
        name: string
        state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
      })[]
    }
    item: Units['service.start']['output']
  }

  /** Answer to the name of a service no more, nor serve models that no other service has. Requests under way end first. */
  'service.stop': {
    input: { service_id: string }
    output: {
      id: string
      model_id: string
      status: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
      origin: 'settings' | 'created' | null
      tasks: string[]
      replicas: number | null
      models: ({
        alias: string
        model_id: string
        runtime: string
        state: 'ready' | 'cold' | 'fetching' | 'absent' | 'failed' | 'disabled' | 'elsewhere'
        reason: string | null
        job_id: string | null
      })[]
      devices: ({
        peer_id: string
        name: string
        state: 'cold' | 'loading' | 'ready' | 'draining' | 'asleep'
      })[]
    }
    item: Units['service.stop']['output']
  }

  /** Make a token for one program: what it may do, and until when. Its secret is shown this once. */
  'token.create': {
    input: {
      name: string
      permissions: readonly ('read' | 'use' | 'manage')[]
      units?: readonly string[]
      expires_in?: string
    }
    output: {
      name: string
      permissions: ('read' | 'use' | 'manage')[]
      units: string[] | null
      created_at_ms: number
      expires_at_ms: number | null
      last_used_at_ms: number | null
      secret: string
    }
    item: Units['token.create']['output']
  }

  /** The tokens of programs, what each may do, when it was used last, and when it expires. */
  'token.list': {
    input: Record<string, never>
    output: {
      items: ({
        name: string
        permissions: ('read' | 'use' | 'manage')[]
        units: string[] | null
        created_at_ms: number
        expires_at_ms: number | null
        last_used_at_ms: number | null
      })[]
    }
    item: Units['token.list']['output']
  }

  /** End a token, with the sessions and streams that were begun with it. */
  'token.revoke': {
    input: { name: string }
    output: { name: string }
    item: Units['token.revoke']['output']
  }

  /** Wake a device that sleeps, and wait until it is connected. */
  'wake.device': {
    input: { device: string }
    output: { peer_id: string; name: string; wake_ms: number }
    item: Units['wake.device']['output']
  }

  /** The devices that may be woken, whether they are there, and how long waking takes. */
  'wake.list': {
    input: Record<string, never>
    output: {
      items: ({
        peer_id: string
        name: string
        connected: boolean
        seen_at_ms: number
        wake_ms: number | null
        models: string[]
      })[]
    }
    item: Units['wake.list']['output']
  }
}
