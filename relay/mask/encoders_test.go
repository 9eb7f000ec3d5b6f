package mask

import "testing"

// What encoders really print, noted from their output.
const (
	special  = "~a/b+c=~d*e!f'g(h)i j\"k\\l:m;n@o&p#q?r%s$t,u<v>w[x]y^z`{|}é"
	document = "#a/b+c='d'<e>&é\"f\\g`h"
)

func TestValuesAreFoundAsEverydayEncodersPrintThem(t *testing.T) {
	for _, tt := range []struct{ encoder, value, printed string }{
		{"Python's quote", special, `~a/b%2Bc%3D~d%2Ae%21f%27g%28h%29i%20j%22k%5Cl%3Am%3Bn%40o%26p%23q%3Fr%25s%24t%2Cu%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"Python's quote_plus", special, `~a%2Fb%2Bc%3D~d%2Ae%21f%27g%28h%29i+j%22k%5Cl%3Am%3Bn%40o%26p%23q%3Fr%25s%24t%2Cu%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"encodeURI", special, `~a/b+c=~d*e!f'g(h)i%20j%22k%5Cl:m;n@o&p#q?r%25s$t,u%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"encodeURIComponent", special, `~a%2Fb%2Bc%3D~d*e!f'g(h)i%20j%22k%5Cl%3Am%3Bn%40o%26p%23q%3Fr%25s%24t%2Cu%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"URLSearchParams", special, `%7Ea%2Fb%2Bc%3D%7Ed*e%21f%27g%28h%29i+j%22k%5Cl%3Am%3Bn%40o%26p%23q%3Fr%25s%24t%2Cu%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"URL.password", special, `~a%2Fb+c%3D~d*e!f'g(h)i%20j%22k%5Cl%3Am%3Bn%40o&p%23q%3Fr%s$t,u%3Cv%3Ew%5Bx%5Dy%5Ez%60%7B%7C%7D%C3%A9`},
		{"printf %q", special, `\~a/b+c=\~d\*e\!f\'g\(h\)i\ j\"k\\l:m\;n@o\&p#q\?r%s\$t\,u\<v\>w\[x\]y\^z\` + "`" + `\{\|\}é`},
		{"printf %q behind text", special, `Bearer\ ~a/b+c=\~d\*e\!f\'g\(h\)i\ j\"k\\l:m\;n@o\&p#q\?r%s\$t\,u\<v\>w\[x\]y\^z\` + "`" + `\{\|\}é`},
		{"printf %q of a hash", "#tok#en~1", `\#tok#en~1`},
		{"Python's html", "a<b>&\"c'd", "a&lt;b&gt;&amp;&quot;c&#x27;d"},
		{"Go's html", "a<b>&\"c'd", "a&lt;b&gt;&amp;&#34;c&#39;d"},
		{"Java's URLEncoder", "to~k+en~12* x", `to%7Ek%2Ben%7E12*+x`},
		{"Gson", document, `#a/b+c\u003d\u0027d\u0027\u003ce\u003e\u0026é\"f\\g` + "`h"},
		{".NET", document, `#a/b\u002Bc=\u0027d\u0027\u003Ce\u003E\u0026\u00E9\u0022f\\g\u0060h`},
		{"PHP", document, `#a\/b+c='d'<e>&\u00e9\"f\\g` + "`h"},
		{"Python's json", "pä/ss\"\x7f😀x", `p\u00e4/ss\"\u007f\ud83d\ude00x`},
		{"JSON.stringify", "p\"a/ss\x7f\u2028x", "p\\\"a/ss\x7f\u2028x"},
	} {
		const before, behind = "<", ">"
		s := mustSet(t, nil, tt.value)
		got := s.Mask(before + tt.printed + behind)
		if want := before + Stars + behind; got != want && got != `<Bearer\ ***>` {
			t.Errorf("%s: %q became %q", tt.encoder, tt.printed, got)
		}
	}
}
