/** What is wrong with an expression, and where in its text. */
export class Fault extends Error {
  override readonly name = 'Fault';
  /** Index into the expression, in UTF-16 units; its length for what is missing at the end. */
  readonly index: number;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly remedy: string | undefined;

  /** @param message one line; untrusted text in it and in the detail is escaped. */
  constructor(
    index: number,
    message: string,
    detail: { readonly expected?: string; readonly found?: string; readonly remedy?: string } = {},
  ) {
    super(message);
    this.index = index;
    this.expected = detail.expected;
    this.found = detail.found;
    this.remedy = detail.remedy;
  }
}
