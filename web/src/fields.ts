// Values from outside, whose shape nobody has looked at.

export type Fields = Readonly<Record<string, unknown>>;

/** The members of an object, undefined for what is none. */
export function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}
