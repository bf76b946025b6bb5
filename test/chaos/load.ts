import type { ChaosClient } from "./client.ts";

const commandEveryMs = 150;
const callOffEveryMs = 1500;
const openLimit = 4;
const slow = 'pay_service {"service":"slow"}';

interface Load {
  stop(): void;
}

/** Lets clients read, write, wait and pay, and cancel some of it, until it is stopped. */
export function startLoad(clients: readonly ChaosClient[], random: (limit: number) => number): Load {
  let line = 0;
  const choose = <T>(choices: readonly T[]): T => choices[random(choices.length)] as T;
  const command = () =>
    choose([
      "look {}",
      "look {} && look {}",
      `append {"line":"line-${++line}"}`,
      'pay_service {"service":"market-data"}',
      'pay_service {"service":"news"}',
      'wait {"seconds":1}',
    ]);
  const timer = setInterval(() => {
    const client = choose(clients);
    if (client.unfinished.length < openLimit) client.command(command());
    if (random(10) === 0) choose(clients).cancelOne();
  }, commandEveryMs);
  return { stop: () => clearInterval(timer) };
}

/** Cancels payments in their middle: the service takes 20 seconds to settle what it was sent. */
export function startCallingOff(clients: readonly ChaosClient[], random: (limit: number) => number): Load {
  const timer = setInterval(() => clients[random(clients.length)]?.commandToCancel(slow), callOffEveryMs);
  return { stop: () => clearInterval(timer) };
}

/** Lets clients say again what was lost. */
export function startNudging(clients: readonly ChaosClient[]): Load {
  const timer = setInterval(() => {
    for (const client of clients) client.nudge();
  }, 1000);
  return { stop: () => clearInterval(timer) };
}
