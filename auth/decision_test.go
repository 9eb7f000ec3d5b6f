package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

func TestADecisionTravelsInWhatIsSignedForIt(t *testing.T) {
	key := auth.Key{Key: docKey, Secret: docSecret}
	for _, d := range []auth.Decision{{}, {User: "ada", After: 7}, {User: "é a:b.c 😀", After: math.MaxInt64}, {After: 1}} {
		for _, data := range []*string{nil, ptr(`{"user_id":"ada"}`)} {
			signed := d.SignChannel(key, docSocket, "presence-x", data)
			s := protocol.Subscribe{Channel: "presence-x", Auth: signed, ChannelData: data}
			if err := docApp().CheckSubscribe(docSocket, s); err != nil || docApp().Signer(signed).Key != docKey {
				t.Errorf("%+v: %v", d, err)
			}
			if diff := cmp.Diff(&d, decisionOf(t, signed)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		signed := d.SignUser(key, docSocket, docUser)
		if by, err := docApp().CheckSignin(docSocket, protocol.Signin{Auth: signed, UserData: docUser}); err != nil || by.Key != docKey {
			t.Errorf("%+v: %v", d, err)
		}
		if diff := cmp.Diff(&d, decisionOf(t, signed)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestABackendsSignatureHasNoDecision(t *testing.T) {
	for _, value := range []string{"", docKey, "dotted.key:00", auth.SignChannel(auth.Key{Key: "a.b", Secret: "s"}, docSocket, "private-x", nil)} {
		if d := decisionOf(t, value); d != nil {
			t.Errorf("%q: %+v", value, d)
		}
	}
}

// Who could take the decision off, or put another one on, would be nobody whom a revocation finds.
func TestADecisionIsPartOfWhatIsSigned(t *testing.T) {
	key := auth.Key{Key: docKey, Secret: docSecret}
	d := auth.Decision{User: "ada", After: 7}
	decided, plain := d.SignChannel(key, docSocket, "private-x", nil), auth.SignChannel(key, docSocket, "private-x", nil)
	digest, decision, _ := strings.Cut(decided, ".")
	_, later, _ := strings.Cut(auth.Decision{User: "ada", After: 8}.SignChannel(key, docSocket, "private-x", nil), ".")
	for name, value := range map[string]string{
		"without it":            digest,
		"with another":          digest + "." + later,
		"with none":             digest + ".",
		"twice":                 decided + "." + decision,
		"behind a plain one":    plain + "." + decision,
		"of another's channel":  d.SignChannel(key, docSocket, "private-y", nil),
		"of another connection": d.SignChannel(key, "1.2", "private-x", nil),
		"of a sign-in":          d.SignUser(key, docSocket, docUser),
		"by another key":        d.SignChannel(auth.Key{Key: docKey, Secret: "other"}, docSocket, "private-x", nil),
		// Nor is what a backend signs one: there is no connection of this name.
		"as a connection's id": docKey + ":" + auth.ChannelSignature(docSecret, "decided:"+decision+":"+docSocket, "private-x", nil),
	} {
		if err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "private-x", Auth: value}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What a client has chosen itself, such as its name, is among what is signed for it. It may not read as
// the end of a decision, and what is signed for another connection or channel.
func TestWhatIsSignedForADecisionIsTakenApartInOneWay(t *testing.T) {
	const second = "777.888" // the same client's other connection
	key, eve := auth.Key{Key: docKey, Secret: docSecret}, auth.Decision{User: "eve", After: 1}
	moved := func(signed, before string) string { return signed + ":" + docSocket + before }

	data, rest := `{"user_id":"eve","user_info":{"name":"eve`, `x"}}`
	whole := data + ":" + second + ":private-secret:" + rest
	forged := moved(eve.SignChannel(key, docSocket, "presence-public", &whole), ":presence-public:"+data)
	err := docApp().CheckSubscribe(second, protocol.Subscribe{Channel: "private-secret", Auth: forged, ChannelData: &rest})
	if err == nil {
		t.Error("a channel of others is let in to")
	}
	if d, err := auth.DecisionOf(forged); err == nil {
		t.Errorf("%+v", d)
	}

	data, rest = `{"id":"eve","user_info":{"name":"`, `{"id":"root"}`
	whole = data + ":" + second + "::user::" + rest
	forged = moved(eve.SignUser(key, docSocket, whole), "::user::"+data)
	if _, err := docApp().CheckSignin(second, protocol.Signin{Auth: forged, UserData: rest}); err == nil {
		t.Error("anybody is signed in")
	}
}

// sign signs what the endpoint would not, as a key's owner may.
func sign(decision string) string {
	mac := hmac.New(sha256.New, []byte(docSecret))
	mac.Write([]byte("decided:" + decision + ":" + docSocket + ":private-x"))
	return docKey + ":" + hex.EncodeToString(mac.Sum(nil)) + "." + decision
}

func TestADecisionThatIsNotUnderstoodLetsNobodyIn(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	good := encode([]byte("7 ada"))
	for decision, want := range map[string]bool{
		good: true, encode([]byte("0 ")): true, encode([]byte("-1 a b")): true,
		"": false, "?": false, good + ":x": false, good + ".x": false, good + "\n": false, good[:3] + "\r\n" + good[3:]: false, good + "=": false,
		encode([]byte("")): false, encode([]byte("7")): false, encode([]byte("ada")): false, encode([]byte("x ada")): false, encode([]byte(" ada")): false,
		encode([]byte("9223372036854775808 ada")): false, encode([]byte("+7 ada")): false, encode([]byte("07 ada")): false,
		good[:len(good)-1] + "F": false, // bits behind the end
	} {
		value := sign(decision)
		err := docApp().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "private-x", Auth: value})
		if (err == nil) != want {
			t.Errorf("%q lets in: %v", decision, err)
		}
		if d, err := auth.DecisionOf(value); (d != nil) != want || (err == nil) != want {
			t.Errorf("%q: %+v %v", decision, d, err)
		}
	}
}

// decisionOf is that in an auth that has been checked.
func decisionOf(t *testing.T, value string) *auth.Decision {
	t.Helper()
	d, err := auth.DecisionOf(value)
	if err != nil {
		t.Errorf("%q: %v", value, err)
	}
	return d
}
