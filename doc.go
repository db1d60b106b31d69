// Package pylock holds no code: the command is cmd/pylock, and
// docs/architecture.md draws the rest.
package pylock
