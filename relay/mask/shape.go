package mask

import "strings"

// Kind is what a hit was found as.
type Kind uint8

// The kinds of hits. All but [Value] are shapes.
const (
	Value Kind = iota
	AWSKey
	GitHubToken
	GitLabToken
	SlackToken
	NPMToken
	GoogleKey
	JWT
	PrivateKey
	URLPassword
	Signature
	kinds
)

// Shapes returns all shapes.
func Shapes() []Kind {
	var all []Kind
	for k := Value + 1; k < kinds; k++ {
		all = append(all, k)
	}
	return all
}

// String returns the kind as logs and metrics name it.
func (k Kind) String() string {
	return [kinds]string{
		"value", "aws_key", "github_token", "gitlab_token", "slack_token", "npm_token",
		"google_key", "jwt", "private_key", "url_password", "signature",
	}[k]
}

// rule is a token that is known by its form: a prefix, which is no secret and is not
// masked, and what must follow.
type rule struct {
	kind   Kind
	prefix string // 4 to 8 bytes
	word   bool   // the prefix must not be the rest of a word
	step   func(*shape, byte) verdict
	more   string // bytes that the token may have, beside letters and digits
	least  int    // how many there must be
	exact  bool   // not one more
}

// shape is a token in progress.
type shape struct {
	rule
	since int64  // where the prefix begins
	from  int64  // where the secret begins, -1 while that is not known
	n     int    // bytes of the secret
	size  int    // bytes of all, where the rule limits that
	sure  bool   // it is a hit
	text  []byte // what a step has to remember
}

// verdict is what a byte makes of a shape.
type verdict uint8

const (
	over   verdict = iota // it was none, or has ended before the byte
	ended                 // it is a hit up to the byte
	soFar                 // it is one up to the byte, and may go on
	going                 // nobody can tell yet
	begins                // the secret begins behind the byte
	hit                   // it is a hit with the byte, and may go on
)

// lineEnd is what steps are given for a CR or LF.
const lineEnd = '\n'

// rules are all there are.
func rules() []rule {
	all := []rule{
		{kind: GitHubToken, prefix: "hub_pat_", step: token, more: "_", least: 60},
		{kind: GitLabToken, prefix: "glpat-", step: token, more: "_-.", least: 20},
		{kind: NPMToken, prefix: "npm_", word: true, step: token, least: 36},
		{kind: GoogleKey, prefix: "AIza", word: true, step: token, more: "_-", least: 35},
		{kind: Signature, prefix: "gnature=", step: token, more: "%+/=_-", least: 32},
		{kind: PrivateKey, prefix: "----BEGI", step: pemHeader},
	}
	for _, prefix := range []string{"AKIA", "ASIA"} {
		all = append(all, rule{kind: AWSKey, prefix: prefix, word: true, step: capitals, least: 16, exact: true})
	}
	for _, prefix := range []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"} {
		all = append(all, rule{kind: GitHubToken, prefix: prefix, word: true, step: token, least: 36})
	}
	for _, prefix := range []string{"xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-"} {
		all = append(all, rule{kind: SlackToken, prefix: prefix, word: true, step: token, more: "-", least: 20})
	}
	for c := range byte(0x80) {
		if isAlnum(c) {
			all = append(all, rule{kind: URLPassword, prefix: string(c) + "://", step: userinfo})
		}
		if isBase64URL(c) {
			all = append(all, rule{kind: JWT, prefix: "eyJ" + string(c), word: true, step: jwtHeader})
		}
	}
	return all
}

// start returns the shape of a rule whose last four bytes the view has shown, given what
// it leaves out.
func (r rule) start(v *view, gaps []gap) (shape, bool) {
	n := len(r.prefix)
	for i := range n {
		if byte(v.window>>(8*(n-1-i))) != r.prefix[i] {
			return shape{}, false
		}
	}
	since := v.last - int64(n)
	if !v.raw { // the raw view leaves out line ends alone, and there may be many gaps that it has
		since = v.back(n, gaps)
	}
	return shape{rule: r, since: since, from: v.last}, !r.word || v.begins(n)
}

// note remembers a byte, behind the prefix.
func (s *shape) note(c byte) {
	if s.text == nil {
		s.text = []byte(s.prefix)
	}
	s.text = append(s.text, c)
}

// token is a run of letters, digits and what else the rule allows. Line ends in it are
// seen through while it is too short.
func token(s *shape, c byte) verdict {
	member := isAlnum(c) || strings.IndexByte(s.more, c) >= 0
	return s.run(c, member)
}

// capitals is a run of capital letters and digits.
func capitals(s *shape, c byte) verdict {
	return s.run(c, c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
}

// run counts a byte that is a member of the token, or ends it.
func (s *shape) run(c byte, member bool) verdict {
	switch {
	case member && s.exact && s.n == s.least:
		return over
	case member:
		s.n++
		if s.n >= s.least && !s.exact {
			return hit
		}
		return going
	case c == lineEnd && s.n < s.least:
		return going
	case s.exact && s.n == s.least:
		return ended
	default:
		return over
	}
}

// maxUserinfo is how long name and password in an URL may be.
const maxUserinfo = 512

// userinfo is name and password before the last @ of an URL's host: there may be one in
// each of both that is not escaped. A name alone is no secret.
func userinfo(s *shape, c byte) verdict {
	if s.size++; s.size > maxUserinfo || !isUserinfo(c) {
		return over
	}
	password := c == '@' && s.n > 1
	if c == ':' || s.n > 0 {
		s.n++ // of the password, and the colon
	}
	if password {
		return soFar
	}
	return going
}

func isUserinfo(c byte) bool { return isAlnum(c) || strings.IndexByte("-._~%!$&'()*+,;=:@", c) >= 0 }

func isBase64URL(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }
