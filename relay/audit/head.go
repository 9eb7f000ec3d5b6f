package audit

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Head is a signed link: what it says was so when it was signed, and one who has it shows
// whether the chain was shortened or written anew since.
type Head struct {
	Link
	At        time.Time
	Key       string // the ID of the key
	Signature []byte
}

// headJSON is how a head is written down.
type headJSON struct {
	Chain     string    `json:"chain"`
	Seq       int64     `json:"seq"`
	MAC       string    `json:"mac"`
	At        time.Time `json:"at"`
	Key       string    `json:"key"`
	Signature string    `json:"signature"`
}

// MarshalJSON writes the MAC and the signature in hex.
func (h Head) MarshalJSON() ([]byte, error) {
	return json.Marshal(headJSON{
		Chain: h.Chain, Seq: h.Seq, MAC: hex.EncodeToString(h.MAC),
		At: h.At.UTC(), Key: h.Key, Signature: hex.EncodeToString(h.Signature),
	})
}

// UnmarshalJSON reads what MarshalJSON wrote. Whether the signature fits is for CheckHead.
func (h *Head) UnmarshalJSON(text []byte) error {
	var read headJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return fmt.Errorf("reading a head of the audit trail: %w", err)
	}
	mac, err := hex.DecodeString(read.MAC)
	if err != nil {
		return fmt.Errorf("reading a head's mac: %w", err)
	}
	signature, err := hex.DecodeString(read.Signature)
	if err != nil {
		return fmt.Errorf("reading a head's signature: %w", err)
	}
	*h = Head{
		Link: Link{Chain: read.Chain, Seq: read.Seq, MAC: mac},
		At:   read.At, Key: read.Key, Signature: signature,
	}
	return nil
}

// Sign returns the signed head of a chain that ends in l.
func (k Key) Sign(l Link, at time.Time) Head { return k.signAs("head", l, at) }

// SignBase returns what stands for the records up to l, which were purged. It is no head, so
// that nobody can purge with a head.
func (k Key) SignBase(l Link, at time.Time) Head { return k.signAs("base", l, at) }

func (k Key) signAs(kind string, l Link, at time.Time) Head {
	at = at.UTC().Truncate(time.Microsecond)
	h := Head{Link: l, At: at, Key: k.id}
	h.Signature = ed25519.Sign(k.sign, h.signed(kind))
	return h
}

// CheckHead says whether h is a head that k signed, and nothing of it was changed.
func (k Key) CheckHead(h Head) error { return k.check("head", h) }

// CheckBase says the same of a base.
func (k Key) CheckBase(h Head) error { return k.check("base", h) }

func (k Key) check(kind string, h Head) error {
	if k.sign == nil {
		return errors.New("there is no key to check it with")
	}
	if h.Key != k.id {
		return fmt.Errorf("it was signed by the key %q, not by %s", Clean(h.Key), k.id)
	}
	if !ed25519.Verify(ed25519.PublicKey(k.sign[ed25519.SeedSize:]), h.signed(kind), h.Signature) {
		return errors.New("its signature does not fit")
	}
	return nil
}

// signed is what a head's signature is over.
func (h Head) signed(kind string) []byte {
	b := appendField(nil, []byte("buildrelay audit "+kind))
	b = appendField(b, []byte(h.Chain))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Seq))
	b = appendField(b, h.MAC)
	return binary.BigEndian.AppendUint64(b, uint64(h.At.UnixMicro()))
}
