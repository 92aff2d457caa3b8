"""How many tokens a request can have at most.

The tokens of byte-level byte-pair encoding, which the providers' models use, are sequences of one or more bytes: a text
never has more of them than bytes of UTF-8. Everything that is sent is counted, as JSON, which is never shorter than the
text in it; and in compatibility form (NFKC) where that is longer, since a tokenizer may normalise first.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, RetryPromptPart
from pydantic_ai.models import ModelRequestParameters

# What a provider and the framework put around it: the markers of messages, and the words by which tools are offered
# (Anthropic documents up to 804 tokens for these). About five times that.
FRAMING_TOKENS = 4096


def bound_input_tokens(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> int:
    """Return a bound from above of the tokens of a request, in tokens."""
    texts = [ModelMessagesTypeAdapter.dump_json([_without_instructions(message) for message in messages]).decode()]
    texts += [part.content for part in parameters.instruction_parts or ()]
    if parameters.instruction_parts is None:
        texts += [message.instructions or "" for message in messages if isinstance(message, ModelRequest)]
    texts += [
        json.dumps([tool.name, tool.description, tool.parameters_json_schema], ensure_ascii=False)
        for tool in (*parameters.function_tools, *parameters.output_tools)
    ]
    # Written out at more length than it is kept.
    texts += [
        part.model_response() for message in messages for part in message.parts if isinstance(part, RetryPromptPart)
    ]
    return FRAMING_TOKENS + sum(map(_count_bytes, texts))


def _without_instructions(message: ModelMessage) -> ModelMessage:
    """Only the newest instructions are sent, whatever the messages before were sent with."""
    return replace(message, instructions=None) if isinstance(message, ModelRequest) else message


def _count_bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    normal = unicodedata.normalize("NFKC", text)
    return max(len(form.encode("utf-8", "surrogatepass")) for form in (text, normal))
