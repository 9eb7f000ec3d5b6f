package auth

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Decision is what the relay's auth endpoint says of a decision in what it signs for it, so that the
// node with the connection knows what becomes of it when decisions are revoked. In an auth it
// stands behind the signature, "KEY:signature.decision", which clients pass on as it is.
type Decision struct {
	// User is the id of who was let in; "" where nobody said.
	User string
	// After is a number: revocations up to that were known when it was decided, and those with
	// a higher one may take it back.
	After int64
}

// SignChannel is [SignChannel] for a decision: it lets the connection subscribe to a channel.
func (d Decision) SignChannel(k Key, socketID, channel string, channelData *string) string {
	return d.sign(k, channelString(socketID, channel, channelData))
}

// SignUser is [SignUser] for a decision: it lets the connection sign in.
func (d Decision) SignUser(k Key, socketID, userData string) string {
	return d.sign(k, userString(socketID, userData))
}

func (d Decision) sign(k Key, signed string) string {
	return k.Key + ":" + hex.EncodeToString(sum(k.Secret, decidedString(d.text(), signed))) + "." + d.text()
}

// text is base64url without "=".
func (d Decision) text() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(d.After, 10) + " " + d.User))
}

// DecisionOf returns the decision in an auth; nil where a backend signed it. There is no error in an
// auth that has been checked.
func DecisionOf(auth string) (*Decision, error) {
	_, signature, _ := strings.Cut(auth, ":")
	_, text, decided := strings.Cut(signature, ".")
	if !decided {
		return nil, nil
	}
	return parseDecision(text)
}

// errDecision says that a text is none that [Decision.text] writes.
var errDecision = errors.New("no decision")

// parseDecision takes what text writes, letter by letter, and nothing else.
func parseDecision(text string) (*Decision, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDecision, err)
	}
	after, user, _ := strings.Cut(string(decoded), " ")
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: it has no number", errDecision)
	}
	d := &Decision{User: user, After: n}
	if d.text() != text {
		return nil, fmt.Errorf("%w: it is written in another way", errDecision)
	}
	return d, nil
}

// decidedString is what is signed in the place of signed for a decision. It begins as nothing else
// does that an app's keys sign, and it can be taken apart in one way alone, as there is no ":" in a
// decision: so it must have passed parseDecision. Else a client might move the end of the decision into
// signed, of which it has chosen parts, such as its user's name.
func decidedString(decision, signed string) string { return "decided:" + decision + ":" + signed }
