/** What tests ask inside of the page: `looking.…`, as the browser knows it. */

globalThis.looking = {
  /** Elements that were made of text, characters that must not be seen, and how often the hostile text is there. */
  hostile() {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the screen
    const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b]/
    const hidden = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    let marks = 0
    while (walker.nextNode()) {
      const text = walker.currentNode.nodeValue ?? ''
      if (text.includes('<img src=x onerror')) marks++
      if (unseen.test(text)) hidden.push(walker.currentNode.parentElement?.outerHTML.slice(0, 120))
    }
    const made = document.querySelectorAll(
      'img[src="x"], [onerror], [onload], body script, a[href^="javascript:" i]'
    )
    return { elements: made.length + Number(document.title === 'ev1l'), hidden, marks }
  },

  /**
   * What is wrong with how the page is laid out: scroll to the side, what reaches out of the page, what is pressed and
   * lies under something else, texts that cover each other, and text that is cut off.
   */
  layout() {
    const found = []
    const { clientWidth } = document.documentElement
    if (document.documentElement.scrollWidth > clientWidth) found.push('The page scrolls to the side.')
    const say = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 140)}`)
    const shown = [...document.querySelectorAll('body *')].filter(isShown)
    for (const element of shown) {
      const { left, right } = element.getBoundingClientRect()
      if ((left < -1 || right > clientWidth + 1) && !isScrolled(element)) say('outside of the page', element)
      if (isCut(element)) say('text is cut off', element)
    }
    const texts = shown
      .filter(hasText)
      .map(element => ({ element, boxes: textBoxes(element) }))
    for (let a = 0; a < texts.length; a++) {
      for (let b = a + 1; b < texts.length; b++) {
        const [one, other] = [texts[a], texts[b]]
        if (one.element.contains(other.element) || other.element.contains(one.element)) continue
        if (one.boxes.some(box => other.boxes.some(second => overlap(box, second)))) {
          say(`covers ${other.element.textContent.slice(0, 40)}`, one.element)
        }
      }
    }
    return found.slice(0, 10)
  },

  /** What gets the focus, and then lies under something that stays in sight; and what is too small to be hit (WCAG 2.2). */
  focus() {
    const found = []
    const controls = document.querySelectorAll('main :is(a[href], button, input, select, textarea, summary)')
    for (const element of [...controls].filter(isReached)) {
      element.focus()
      const { left, right, top, bottom } = element.getBoundingClientRect()
      const points = [[left + 3, top + 3], [(left + right) / 2, (top + bottom) / 2], [right - 3, bottom - 3]]
      const above = points.map(([x, y]) => document.elementFromPoint(x, y))
      if (above.every(other => other !== null && !element.contains(other) && !other.contains(element)))
        found.push(`covered by ${above[0].outerHTML.slice(0, 60)}: ${element.outerHTML.slice(0, 120)}`)
      const isInText = getComputedStyle(element).display === 'inline'
      if (!isInText && element.closest('label') === null && Math.min(right - left, bottom - top) < TARGET_MIN)
        found.push(`too small to be hit: ${element.outerHTML.slice(0, 120)}`)
    }
    scrollTo(0, 0)
    return found.slice(0, 10)
  },

  /** Frames a second of the next `ms`. */
  frames: ms =>
    new Promise(resolve => {
      const began = performance.now()
      let count = 0
      let last = began
      let longest = 0
      const frame = now => {
        count++
        longest = Math.max(longest, now - last)
        last = now
        if (now - began < ms) requestAnimationFrame(frame)
        else resolve({ perSecond: (1000 * count) / (now - began), longestMs: longest })
      }
      requestAnimationFrame(frame)
    })
}

/** Pixels, less what a fraction of one is rounded to. */
const TARGET_MIN = 23.5

const isReached = element =>
  element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
  element.closest('.sr-only, .skip, thead') === null &&
  !element.disabled &&
  element.tabIndex >= 0

function isShown(element) {
  if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false
  const { width, height } = element.getBoundingClientRect()
  return width > 1 && height > 1 && element.closest('.sr-only, .skip, svg, thead, select, [popover]') === null
}

const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.nodeValue.trim() !== '')

function textBoxes(element) {
  const range = document.createRange()
  const boxes = []
  for (const node of element.childNodes) {
    if (node.nodeType !== 3 || node.nodeValue.trim() === '') continue
    range.selectNodeContents(node)
    boxes.push(...range.getClientRects())
  }
  return isAbove(element) ? [] : boxes.map(box => seenOf(box, element))
}

/** What is cut with three dots covers nothing beyond them. */
function seenOf({ left, right, top, bottom }, element) {
  for (let up = element; up !== null; up = up.parentElement) {
    if (getComputedStyle(up).overflowX === 'visible') continue
    const frame = up.getBoundingClientRect()
    left = Math.max(left, frame.left)
    right = Math.min(right, frame.right)
  }
  return { left, right, top, bottom }
}

/** What sticks to an edge lies above what scrolls under it. */
function isAbove(element) {
  for (let up = element; up !== null; up = up.parentElement) {
    if (['sticky', 'fixed'].includes(getComputedStyle(up).position)) return true
  }
  return element.closest('dialog') !== null
}

/** Lines of text may touch by a little: letters do not fill their line. */
const overlap = (a, b) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 &&
  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5

/** Inside of something that scrolls to the side, or is cut there on purpose. */
function isScrolled(element) {
  for (let up = element; up !== null; up = up.parentElement) {
    if (getComputedStyle(up).overflowX !== 'visible' && up !== element) return true
    if (getComputedStyle(up).position === 'fixed') return false
  }
  return false
}

/** Without the three dots that say so, and without a way to scroll to the rest. */
function isCut(element) {
  if (!hasText(element)) return false
  const { overflowX, overflowY, textOverflow } = getComputedStyle(element)
  const wide = element.scrollWidth > element.clientWidth + 1 && overflowX === 'hidden' && textOverflow !== 'ellipsis'
  const high = element.scrollHeight > element.clientHeight + 1 && overflowY === 'hidden'
  return wide || high
}
