/** A conversation with any model of the mesh that writes text. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ScreenProps } from '../app.tsx'
import { ask, changed, comeBack, growing } from '../chat/asking.ts'
import { decide, goOn } from '../chat/calling.ts'
import { Composer } from '../chat/composer.tsx'
import { Conversations } from '../chat/list.tsx'
import { Said } from '../chat/message.tsx'
import { Options, options } from '../chat/options.tsx'
import { Picker } from '../chat/picker.tsx'
import { callsOf, lastCallsOf, pictures } from '../chat/question.ts'
import type { Conversation, Message, ToolCall } from '../chat/shelf.ts'
import { ToolList } from '../chat/tool-list.tsx'
import { chosenTools } from '../chat/tools.ts'
import { useConversations, useMessages, useShelf } from '../chat/use-shelf.ts'
import { leavesMesh, type Model, useModels } from '../models/all.ts'
import { Button, Empty, Failure, Screen, Waiting } from '../parts/basics.tsx'
import { attempt } from '../parts/notes.tsx'
import { goTo } from '../router.ts'
import { useStore } from '../state.ts'
import { useWords } from '../words/index.ts'

const TITLE_CHARS = 60
/** So near to the end, the reader follows what is written. */
const NEAR_END_PX = 120

export function Chat({ place }: ScreenProps) {
  const w = useWords()
  const [named, id] = place.rest
  const [hasOptions, setOptions] = useState(false)
  const { models, error, reload } = useModels()
  const texts = models?.filter(({ tasks }) => tasks.includes('text-generation'))
  const model = named ?? preferred(texts)
  const asked = texts?.find(({ id }) => id === model)
  const { shelf, reload: reloadShelf } = useShelf()
  const { list, error: listError } = useConversations(shelf)
  return (
    <Screen
      title={w.screens.chat}
      actions={
        <>
          {texts && texts.length > 0 && (
            <Picker models={texts} value={model} onChange={name => goTo('chat', name, ...(id ? [id] : []))} />
          )}
          <Button aria-expanded={hasOptions} onPress={() => setOptions(!hasOptions)}>
            {w.chat.options}
          </Button>
          <Button disabled={id === undefined} onPress={() => goTo('chat', ...(model ? [model] : []))}>
            {w.chat.begin}
          </Button>
        </>
      }
    >
      <Failure error={error} retry={reload} />
      {hasOptions && (
        <>
          <Options />
          <ToolList />
        </>
      )}
      <div class="chat">
        <div class="chat-main">
          {texts === undefined || shelf === undefined ? (
            !error && <Waiting />
          ) : model === undefined ? (
            <Empty title={texts.length > 0 ? w.chat.onlyOutside : w.chat.noModel}>
              <p>{texts.length > 0 ? w.chat.onlyOutsideNote : w.chat.noModelNote}</p>
              <Button look="main" onPress={() => goTo('models')}>
                {w.screens.models}
              </Button>
            </Empty>
          ) : (
            <Talk
              key={id ?? 'new'}
              {...{ shelf, model, id, takesPictures: takesPictures(texts, model) }}
              leaves={asked !== undefined && leavesMesh(asked)}
              known={list?.find(one => one.id === id)}
            />
          )}
        </div>
        {shelf && (
          <Conversations
            shelf={shelf}
            conversations={list ?? []}
            shown={id}
            error={listError}
            onKept={() => {
              reloadShelf()
              changed()
            }}
          />
        )}
      </div>
    </Screen>
  )
}

/** One that is loaded answers at once. One that leaves the mesh is chosen by the person. */
function preferred(models: readonly Model[] = []): string | undefined {
  const inside = models.filter(one => !leavesMesh(one))
  return (inside.find(({ status }) => status === 'ready') ?? inside[0])?.id
}

/** A device that says that its model takes none refuses them, so one that takes them is enough. */
const takesPictures = (models: readonly Model[], called: string): boolean =>
  models.some(({ id, providers }) => id === called && providers.some(one => one.takes_images))

interface TalkProps {
  readonly shelf: Parameters<typeof ask>[0]['shelf']
  readonly model: string
  readonly id: string | undefined
  readonly known: Conversation | undefined
  readonly takesPictures: boolean
  /** Whether what is written goes to a server outside of the mesh. */
  readonly leaves: boolean
}

function Talk({ shelf, model, id, known, takesPictures, leaves }: TalkProps) {
  const w = useWords()
  const { messages, error } = useMessages(shelf, id)
  const current = useStore(growing)[id ?? '']
  const isAnswering = current !== undefined && !current.isOver
  const rows: readonly Message[] = messages ?? []
  const isKept = rows.some(one => one.id === current?.message.id)
  const shown = current && !isKept ? [...rows, current.message] : rows
  const lastSaid = shown.findLastIndex(({ role }) => role !== 'tool')
  useStaysAtEnd(shown)

  // An answer that was under way when the page was closed.
  useEffect(() => {
    if (known?.answer !== undefined && current === undefined) void comeBack({ shelf, conversation: known })
  }, [known?.answer, current === undefined, shelf])

  const send = async (text: string, images: readonly string[]) => {
    const question: Message = {
      ...{ id: crypto.randomUUID(), role: 'user', text },
      ...(images.length > 0 && { pictures: images.length })
    }
    if (images.length > 0) pictures.set(question.id, images)
    const conversation: Conversation = {
      ...{ id: id ?? crypto.randomUUID(), model, at: Date.now() },
      title: known?.title ?? (text.trim().replaceAll(/\s+/g, ' ').slice(0, TITLE_CHARS) || w.chat.untitled)
    }
    const isSent = await attempt(async () => {
      await shelf.note(conversation)
      await shelf.add(conversation.id, question)
    })
    if (!isSent) return
    void ask({ shelf, conversation }, [...rows, question], options.value, await tools())
    changed()
    if (id === undefined) goTo('chat', model, conversation.id)
  }

  const again = async () => {
    const last = rows.at(-1)
    if (known === undefined || last === undefined) return
    const history = last.role === 'assistant' ? rows.slice(0, -1) : rows
    if (last.role === 'assistant' && !(await attempt(() => shelf.take(known.id, last.id)))) return
    void ask(
      { shelf, conversation: { ...known, model, at: Date.now() } },
      history,
      options.value,
      await tools()
    )
    changed()
  }

  const talk = known && { shelf, conversation: { ...known, model } }
  const decided = async (call: ToolCall, isAllowed: boolean) => {
    if (talk) await attempt(() => decide({ talk, call, isAllowed, settings: options.value }))
  }
  const open = isAnswering ? [] : lastCallsOf(rows)
  // The page was closed between the last result and the next question, or the person stopped a call.
  const waits = rows.at(-1)?.role === 'tool' && open.length > 0 && open.every(({ result }) => result)

  const stop = current?.stop ?? (() => undefined)
  return (
    <>
      <Failure error={error} />
      <div class="talk" role="log" aria-live="off" aria-label={w.chat.talk}>
        {shown.length === 0 && (
          <Empty title={w.chat.start(model)}>
            <p>{leaves ? w.chat.startLeaves : w.chat.startNote}</p>
          </Empty>
        )}
        {shown.map(
          (message, index) =>
            message.role !== 'tool' && (
              <Said
                key={message.id}
                message={message}
                isGrowing={isAnswering && message === current?.message}
                conversation={id}
                results={callsOf(shown, index).flatMap(({ result }) => result ?? [])}
                decide={index === lastSaid && !isAnswering ? decided : undefined}
                again={
                  index === shown.length - 1 && !isAnswering && message.role === 'assistant'
                    ? again
                    : undefined
                }
              />
            )
        )}
        {waits && talk && <Button onPress={() => goOn(talk, options.value)}>{w.chat.goOn}</Button>}
      </div>
      <p class="sr-only" role="status">
        {isAnswering ? w.chat.waits : current ? w.chat.answered : ''}
      </p>
      <Composer
        takesPictures={takesPictures}
        isAnswering={isAnswering}
        disabled={false}
        onSend={(text, images) => void send(text, images)}
        onStop={stop}
      />
    </>
  )
}

/** Without them the question is asked all the same. */
const tools = () => chosenTools().catch(() => [])

/** Follows what is written, unless the reader has gone up. */
function useStaysAtEnd(shown: readonly Message[]): void {
  const isNear = useRef(true)
  useEffect(() => {
    const scrolled = () => {
      const { scrollHeight } = document.documentElement
      isNear.current = scrollHeight - scrollY - innerHeight < NEAR_END_PX
    }
    addEventListener('scroll', scrolled, { passive: true })
    return () => removeEventListener('scroll', scrolled)
  }, [])
  const last = shown.at(-1)
  useLayoutEffect(() => {
    if (last !== undefined && isNear.current) scrollTo({ top: document.documentElement.scrollHeight })
  }, [last])
}
