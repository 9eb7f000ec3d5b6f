package roster

// ScriptText is what Redis runs, for tests that call it as two nodes do.
func ScriptText() string { return newScript().Text }
