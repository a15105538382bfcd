// The REST API, and the news.

const API = "/api/v1";

export const address = (path) => API + path;

// The answer's JSON, or null. Throws an Error with the server's sentence.
export async function call(method, path, body) {
  const options = { method };
  if (method === "POST") {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body ?? {});
  }
  let response;
  try {
    response = await fetch(address(path), options);
  } catch {
    throw new Error("There is no answer. Is the program that serves this page still running?");
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    const error = new Error(answer?.error ?? `The answer was ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return answer;
}

export const get = (path) => call("GET", path);

// The beginning of a text, however long the text is.
export async function beginning(path, most) {
  const response = await fetch(address(path));
  if (!response.ok) throw new Error(`The answer was ${response.status}.`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let left = most;
  while (left > 0) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), isCut: false };
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.length;
  }
  reader.cancel();
  return { text, isCut: true };
}

export function listen({ onChange, onLive }) {
  const source = new EventSource(address("/events"));
  source.addEventListener("change", (event) => onChange(JSON.parse(event.data)));
  source.addEventListener("open", () => onLive(true));
  source.addEventListener("error", () => onLive(false));
}
