"""What each port of the relay is for, in words."""

from appliance.text import text

CARRIES = {
    "chat-tls": text("messages, protected once more"),
    "chat": text("messages"),
    "media": text("pictures, voice messages, calls"),
    "chat-any": text("from your own load balancer"),
}
