/** What the demo's model has read. Ours; plain words, so that what the model makes of them can be read as well. */
const STORY = `
The llama lives in a quiet paddock at the foot of the hill.
The paddock has a fence, and the fence has a gate.
Every morning the keeper looks at the gate before she opens it.
The llama may eat the grass, drink from the trough, and hum a song to the wind.
The llama may not open the gate, and the llama may not follow a stranger over the hill.
One day a stranger came to the gate with a basket of apples.
The stranger said that the apples were for the keeper.
The keeper looked at the basket, and then she looked at the stranger.
A good fence does not ask who you are, but a good keeper does.
The stranger left the basket at the gate and went over the hill.
The llama hummed a song to the keeper, and the keeper gave the llama an apple from her own tree.
In the evening the keeper closed the gate, and the paddock was quiet.
The llama sleeps by the fence and dreams of the hill.
The keeper sleeps well, because the gate is closed and the llama is safe.
`;

/** Words and punctuation marks in the order of their first appearance, and how they follow each other. */
export interface Chain {
  readonly words: readonly string[];
  /** Indices into `words` of the words that begin a sentence, and how often. */
  readonly starts: ReadonlyMap<number, number>;
  /** word → next word → how often. */
  readonly next: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** word → the words that were seen two places later. */
  readonly afterNext: ReadonlyMap<number, ReadonlySet<number>>;
  /** The last two words of the text. */
  readonly ending: readonly [number, number];
}

/** The Markov chain of the story. The text goes round: its first sentence may follow its last. */
export function storyChain(): Chain {
  const text = STORY.match(/\w+|[.,]/g) ?? [];
  const words = [...new Set(text)];
  const index = new Map(words.map((word, at) => [word, at]));
  const sequence = text.map((word) => index.get(word) ?? 0);
  const starts = new Map<number, number>();
  const next = new Map<number, Map<number, number>>();
  const afterNext = new Map<number, Set<number>>();
  for (const [at, word] of sequence.entries()) {
    const following = sequence[(at + 1) % sequence.length] ?? 0;
    const second = sequence[(at + 2) % sequence.length] ?? 0;
    if (at === 0 || text[at - 1] === '.') starts.set(word, (starts.get(word) ?? 0) + 1);
    const row = next.get(word) ?? new Map<number, number>();
    next.set(word, row.set(following, (row.get(following) ?? 0) + 1));
    afterNext.set(word, (afterNext.get(word) ?? new Set()).add(second));
  }
  return { words, starts, next, afterNext, ending: [sequence.at(-2) ?? 0, sequence.at(-1) ?? 0] };
}
