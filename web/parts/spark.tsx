/** A line of the last values, without axes: whether it rises or falls. */

export function Spark({
  values,
  label,
  max = Math.max(...values, 0)
}: {
  values: readonly number[]
  /** What a screen reader says of it. */
  label: string
  max?: number
}) {
  if (values.length < 2) return null
  const x = 100 / (values.length - 1)
  const points = values.map((value, index) => `${index * x},${max > 0 ? 24 - (24 * value) / max : 24}`)
  return (
    <svg class="spark" viewBox="0 -1 100 26" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points.join(' ')} />
    </svg>
  )
}
