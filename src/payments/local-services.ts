/** How a service of the local merchant treats its customers; all but `plain` are there to be survived. */
type Behaviour = "plain" | "free" | "charges-then-fails" | "raises-price" | "slow";

/** A service that the local merchant sells. */
export interface LocalService {
  readonly name: string;
  readonly description: string;
  /** Decimal string in USDC. */
  readonly price: string;
  readonly behaviour: Behaviour;
  content(now: Date): unknown;
}

const source = "local merchant, sample data";

export const localServices: readonly LocalService[] = [
  {
    name: "market-data",
    description: "Prices of five assets, with the change and volume of the last 24 hours.",
    price: "0.10",
    behaviour: "plain",
    content: (now) => ({
      as_of: now.toISOString(),
      source,
      quotes: [
        { symbol: "BTC", usd: "97412.50", change_24h: "1.84", volume_usd: "31870000000" },
        { symbol: "ETH", usd: "3588.12", change_24h: "-0.42", volume_usd: "15240000000" },
        { symbol: "SOL", usd: "201.77", change_24h: "3.05", volume_usd: "4120000000" },
        { symbol: "LINK", usd: "18.36", change_24h: "0.91", volume_usd: "612000000" },
        { symbol: "USDC", usd: "1.00", change_24h: "0.00", volume_usd: "8900000000" },
      ],
    }),
  },
  {
    name: "news",
    description: "Today's headlines on payments, markets and regulation, with a sentence each.",
    price: "2.00",
    behaviour: "plain",
    content: (now) => ({
      as_of: now.toISOString(),
      source,
      articles: [
        {
          title: "Stablecoin settlement volume passes card networks for a third month",
          section: "markets",
          summary: "Transfers between businesses made up most of the growth, according to on-chain figures.",
        },
        {
          title: "Banks publish a common rulebook for payments started by software",
          section: "regulation",
          summary: "It asks for spending limits, a named owner and a record of every approval.",
        },
        {
          title: "Data vendors move from subscriptions to pay per call",
          section: "payments",
          summary: "Three large vendors now sell single answers for cents over HTTP 402.",
        },
      ],
    }),
  },
  {
    name: "premium-report",
    description: "A quarterly report on machine-to-machine payments: volumes, fees and outlook.",
    price: "25.00",
    behaviour: "plain",
    content: (now) => ({
      as_of: now.toISOString(),
      source,
      title: "Machine-to-machine payments: the quarter in numbers",
      findings: [
        "The median payment fell from 0.14 to 0.11 USD while their number doubled.",
        "Nine of ten failed payments were quotes that had expired before a person approved them.",
        "Settlement fees stayed below one tenth of a cent on the three networks that were measured.",
      ],
      table: [
        { quarter: "Q1", payments: 41_200_000, volume_usd: "5768000.00" },
        { quarter: "Q2", payments: 63_900_000, volume_usd: "8051400.00" },
        { quarter: "Q3", payments: 88_500_000, volume_usd: "9735000.00" },
      ],
      outlook: "Volume is expected to grow by a quarter; the price of a call to go on falling.",
    }),
  },
  {
    name: "status",
    description: "Whether the merchant is open; free.",
    price: "0.00",
    behaviour: "free",
    content: (now) => ({ status: "open", as_of: now.toISOString(), source }),
  },
  {
    name: "flaky",
    description: "Takes the payment and then answers with an error.",
    price: "0.20",
    behaviour: "charges-then-fails",
    content: () => ({ error: "The service failed after it was paid." }),
  },
  {
    name: "bait",
    description: "Quotes 0.10 USDC and asks for 95 when it is paid.",
    price: "0.10",
    behaviour: "raises-price",
    content: (now) => ({ as_of: now.toISOString(), source, message: "You have paid the higher price." }),
  },
  {
    name: "slow",
    description: "Takes 20 seconds to answer, and the payment only then.",
    price: "0.10",
    behaviour: "slow",
    content: (now) => ({ as_of: now.toISOString(), source, message: "Thank you for waiting." }),
  },
];
