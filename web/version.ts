/** Whether the node still serves the page that is open: one that was updated meanwhile serves another. */

const FILES = '[src^="/app-"], [href^="/app-"]'

/** The names of the files hold a hash of what is in them. */
export async function isServed(): Promise<boolean> {
  const answer = await fetch('/', { cache: 'no-store' })
  if (!answer.ok) return true
  const served = await answer.text()
  return [...document.querySelectorAll(FILES)].every(element =>
    served.includes(element.getAttribute('src') ?? element.getAttribute('href') ?? '')
  )
}
