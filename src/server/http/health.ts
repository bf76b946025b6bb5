import type { Health } from "../../protocol/resources.ts";
import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";

export function healthHandlers(api: Api): Handlers<"checkLive" | "checkReady"> {
  return {
    async checkLive() {
      const health: Health = { status: "ok" };
      return value(200, health);
    },
    async checkReady() {
      const health = await api.checkReady();
      return value(health.status === "ok" ? 200 : 503, health);
    },
  };
}
