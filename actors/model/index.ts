/** The model agent, built from the configuration. */
import { UsageError } from "../../runtime/config/errors.ts";
import type { Config } from "../../runtime/config/schema.ts";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import { modelAgent } from "./agent.ts";
import { OLLAMA_URL, ollamaProvider } from "./ollama.ts";
import { openAiProvider } from "./openai-compatible.ts";

export { type ModelOptions, modelAgent } from "./agent.ts";
export { ollamaProvider } from "./ollama.ts";
export { type OpenAiOptions, openAiProvider } from "./openai-compatible.ts";
export type { ChatMessage, ChatRequest, ChatResult, Provider, ToolCall, ToolDefinition } from "./provider.ts";

/** @throws UsageError when a provider is named without what it needs. */
export function modelService(config: Config["model"]): Service {
  const { provider, url, apiKey, model, ...rest } = config;
  if (provider === "none") return noModel();
  if (!model) throw new UsageError(`model.provider is ${provider}, so model.model has to name a model`);
  if (provider === "ollama") return modelAgent(ollamaProvider(url ?? OLLAMA_URL), { model, ...rest });
  if (!url) throw new UsageError("model.provider is openai, so model.url has to be the address of its API");
  return modelAgent(openAiProvider({ url, apiKey }), { model, ...rest });
}

/** Without a model every ask is unavailable at once, and the desk answers from its articles. */
function noModel(): Service {
  const none: Operation = async () => {
    throw new AskError("unavailable", "no model is configured");
  };
  return {
    name: "model",
    operations: { answer: none, chat: none, embed: none, models: none },
    health: () => ({ state: "up", provider: "none" }),
  };
}
