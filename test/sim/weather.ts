/** How often, in a thousand times, what goes wrong in a simulation; drawn anew for each seed. */
export interface Weather {
  /** A commit fails with nothing changed. */
  readonly writeFails: number;
  /** A commit succeeds, and whoever asked for it is told that the store cannot be reached. */
  readonly writeAnswerLost: number;
  /** A request of the network does not arrive. */
  readonly requestLost: number;
  /** Its answer does not. */
  readonly answerLost: number;
  /** It takes until somebody gives up. */
  readonly hangs: number;
  /** A node is killed, at any of its steps. */
  readonly kill: number;
  /** A node is stopped for longer than its lease. */
  readonly stop: number;
  /** A node is told to go down. */
  readonly drain: number;
  /** The chain answers nobody for a while. */
  readonly chainDown: number;
  /** The wall clock is set by up to a day, in either direction. */
  readonly clockJumps: number;
  /** A signal between nodes is lost. */
  readonly signalLost: number;
  /** A service does not treat a payment as it should. */
  readonly dishonest: number;
  /** A service asks another price, or for another payee, than before. */
  readonly drifts: number;
  /** The model fails. */
  readonly modelFails: number;
  /** A user cancels an execution at the commit that has just been made. */
  readonly cancels: number;
}

const levels: Readonly<Record<keyof Weather, readonly number[]>> = {
  writeFails: [0, 0, 10, 60],
  writeAnswerLost: [0, 0, 10, 60],
  requestLost: [0, 0, 20, 150],
  answerLost: [0, 0, 20, 150],
  hangs: [0, 0, 0, 40],
  kill: [0, 0, 10, 40],
  stop: [0, 0, 0, 15],
  drain: [0, 0, 0, 8],
  chainDown: [0, 0, 0, 20],
  clockJumps: [0, 0, 0, 10],
  signalLost: [0, 0, 300, 1000],
  dishonest: [0, 0, 300, 800],
  drifts: [0, 0, 0, 250],
  modelFails: [0, 0, 0, 80],
  cancels: [0, 0, 15, 60],
};

export function drawWeather(random: (limit: number) => number): Weather {
  const drawn = Object.entries(levels).map(([name, choices]) => [name, choices[random(choices.length)] ?? 0]);
  // Every name of `levels` is one of the weather.
  return Object.fromEntries(drawn) as unknown as Weather;
}

export const calm = Object.fromEntries(Object.keys(levels).map((name) => [name, 0])) as unknown as Weather;
