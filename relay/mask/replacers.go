package mask

import "strings"

// What takes longer to make than to use.
//
//nolint:gochecknoglobals // constants that Go cannot write down
var (
	lineEnds       = strings.NewReplacer("\n", "", "\r", "")
	base64URL      = strings.NewReplacer("+", "-", "/", "_")
	repr           = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	inDoubleQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")
	htmlEncoders   = [...]*strings.Replacer{
		html(`"`, "'"), html("&#34;", "&#39;"), html("&quot;", "&#x27;"),
		html("&quot;", "&#39;"), html("&quot;", "&#039;"), html("&quot;", "&apos;"),
	}
)

// html escapes for HTML or XML, given what it makes of quotes.
func html(double, single string) *strings.Replacer {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, double, "'", single)
}
