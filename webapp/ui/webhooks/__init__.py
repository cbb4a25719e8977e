"""Webhook endpoints under the settings: where other systems are told, what was sent and what came back."""
