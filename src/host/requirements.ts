/** Major and minor version of Node.js from which on paddock works; package.json says the same. */
export const MINIMUM_NODE: readonly [number, number] = [20, 12];
