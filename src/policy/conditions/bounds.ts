/**
 * Bounds of conditions. The library bounds what is parsed; that evaluation ends soon follows from these: without macros or
 * lists inside macros, one runs at most `items` times over at most `nodes` nodes, each of which looks at texts of bounded length.
 */
export const BOUNDS = {
  /** Rules of one file. */
  rules: 200,
  /** Characters of one expression. */
  characters: 4096,
  /** Nodes of one expression. */
  nodes: 512,
  /** Nesting of parentheses, lists and calls. */
  depth: 32,
  /** Entries of one list, written or from a fact. */
  items: 1024,
  /** Characters of one text from a fact. */
  text: 4096,
} as const;
