/** The model agent, built from the configuration. */
import { UsageError } from "../../runtime/config/errors.ts";
import type { Config } from "../../runtime/config/schema.ts";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import { type ModelOptions, modelAgent } from "./agent.ts";
import { OLLAMA_URL, ollamaProvider } from "./ollama.ts";
import { openAiProvider } from "./openai-compatible.ts";
import type { Provider } from "./provider.ts";

export { isPresent, type ModelOptions, modelAgent } from "./agent.ts";
export { type RecordedCall, recordedModel } from "./from-recordings.ts";
export { OLLAMA_URL, ollamaProvider } from "./ollama.ts";
export { type OpenAiOptions, openAiProvider } from "./openai-compatible.ts";
export type { ChatMessage, ChatRequest, ChatResult, Provider, ToolCall, ToolDefinition } from "./provider.ts";
export { recordedProvider } from "./recorded.ts";
export { toolsOf } from "./tools.ts";

/** What a conversation asks it for is none of its business. */
type ModelConfig = Omit<Config["model"], "digest" | "recordings">;

/** @throws UsageError when a provider is named without what it needs. */
export function modelService(config: ModelConfig, tools?: ModelOptions["tools"]): Service {
  const { provider: kind, url: _url, apiKey: _apiKey, model, ...rest } = config;
  const provider = modelProvider(config);
  if (!provider) return noModel();
  if (!model) throw new UsageError(`model.provider is ${kind}, so model.model has to name a model`);
  return modelAgent(provider, { model, ...rest, tools });
}

/** The server that is configured; undefined when there is none. @throws UsageError when its address is missing. */
export function modelProvider({ provider, url, apiKey }: ModelConfig): Provider | undefined {
  if (provider === "none" || provider === "recorded") return undefined;
  if (provider === "ollama") return ollamaProvider(url ?? OLLAMA_URL);
  if (!url) throw new UsageError("model.provider is openai, so model.url has to be the address of its API");
  return openAiProvider({ url, apiKey });
}

/** Without a model every ask is unavailable at once, and the desk answers from its articles. */
function noModel(): Service {
  const none: Operation = async () => {
    throw new AskError("unavailable", "no model is configured");
  };
  return {
    name: "model",
    operations: { answer: none, propose: none, chat: none, embed: none, models: none },
    health: () => ({ state: "up", provider: "none" }),
  };
}
