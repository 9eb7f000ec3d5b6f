package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyset is a set of keys. It never changes, and is safe for concurrent use.
type Keyset struct {
	handle *keyset.Handle
	aead   tink.AEAD
	ids    []KeyID // from the oldest to the newest
	seals  KeyID
}

// KEK is a key that a key set is sealed with itself, which may be asked over a network.
type KEK = tink.AEADWithContext

const (
	// mostText is more than a key set needs, in bytes.
	mostText = 256 << 10
	// mostKeys is how many keys a set may have.
	mostKeys = 100
)

// Parse reads a key set as Tink writes it in JSON. kek nil means that it is plain. Errors hold
// nothing of the text.
func Parse(ctx context.Context, text []byte, kek KEK) (*Keyset, error) {
	if len(text) > mostText {
		return nil, fmt.Errorf("it is larger than %d KiB", mostText>>10)
	}
	var form struct {
		EncryptedKeyset json.RawMessage `json:"encryptedKeyset"`
	}
	if json.Unmarshal(text, &form) != nil {
		return nil, errNoKeyset
	}
	switch sealed := form.EncryptedKeyset != nil; {
	case sealed && kek == nil:
		return nil, errors.New("it is sealed itself: RELAY_KEYS_VAULT must name the key of Vault that opens it")
	case !sealed && kek != nil:
		return nil, errors.New("it is plain, though RELAY_KEYS_VAULT names a key that it should be sealed with")
	}
	handle, err := read(ctx, text, kek)
	if err != nil {
		return nil, err
	}
	return fromHandle(handle)
}

// errNoKeyset is about a text that Tink does not understand.
var errNoKeyset = errors.New("it is no key set of Tink in JSON")

func read(ctx context.Context, text []byte, kek KEK) (*keyset.Handle, error) {
	from := keyset.NewJSONReader(bytes.NewReader(text))
	if kek == nil {
		handle, err := insecurecleartextkeyset.Read(from)
		if err != nil {
			return nil, errNoKeyset // Tink may tell what it has read
		}
		return handle, nil
	}
	asked := &askedKEK{KEK: kek}
	handle, err := keyset.ReadWithContext(ctx, from, asked, nil)
	switch {
	case asked.err != nil:
		return nil, asked.err
	case err != nil:
		return nil, errNoKeyset
	}
	return handle, nil
}

// askedKEK remembers why it could not seal or open, which Tink does not pass on as it is.
type askedKEK struct {
	KEK
	err error
}

// DecryptWithContext implements [KEK].
func (k *askedKEK) DecryptWithContext(ctx context.Context, text, with []byte) ([]byte, error) {
	opened, err := k.KEK.DecryptWithContext(ctx, text, with)
	k.err = err
	return opened, err
}

// EncryptWithContext implements [KEK].
func (k *askedKEK) EncryptWithContext(ctx context.Context, text, with []byte) ([]byte, error) {
	sealed, err := k.KEK.EncryptWithContext(ctx, text, with)
	k.err = err
	return sealed, err
}

// fromHandle wants keys of the one kind whose texts docs/PROTOCOL.md describes. A key that
// Tink's tools have disabled is none.
func fromHandle(handle *keyset.Handle) (*Keyset, error) {
	k := &Keyset{handle: handle}
	if handle.Len() > mostKeys {
		return nil, fmt.Errorf("it has %d keys: it may have %d at most", handle.Len(), mostKeys)
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, errNoKeyset
		}
		id := KeyID(entry.KeyID())
		switch {
		case entry.KeyStatus() != keyset.Enabled:
			continue
		case !isOurs(entry):
			return nil, fmt.Errorf("key %v is of another kind than AES256_GCM with Tink's prefix", id)
		}
		k.ids = append(k.ids, id)
		if entry.IsPrimary() {
			k.seals = id
		}
	}
	if !slices.Contains(k.ids, k.seals) {
		return nil, errors.New("it has no key that seals")
	}
	var err error
	if k.aead, err = aead.New(handle); err != nil {
		return nil, errNoKeyset
	}
	return k, nil
}

func isOurs(entry *keyset.Entry) bool {
	kind, ok := entry.Key().Parameters().(*aesgcm.Parameters)
	return ok && kind.KeySizeInBytes() == 32 && kind.Variant() == aesgcm.VariantTink
}

// IDs are the keys, from the oldest to the newest.
func (k *Keyset) IDs() []KeyID { return slices.Clone(k.ids) }

// Has says whether the set has a key.
func (k *Keyset) Has(id KeyID) bool { return slices.Contains(k.ids, id) }

// Seals is the key that seals.
func (k *Keyset) Seals() KeyID { return k.seals }

// Text returns the key set as Parse reads it, sealed with kek if that is not nil.
func (k *Keyset) Text(ctx context.Context, kek KEK) ([]byte, error) {
	var to bytes.Buffer
	if kek == nil {
		if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&to)); err != nil {
			return nil, err
		}
		return to.Bytes(), nil
	}
	asked := &askedKEK{KEK: kek}
	err := k.handle.WriteWithContext(ctx, keyset.NewJSONWriter(&to), asked, nil)
	if asked.err != nil {
		return nil, asked.err
	}
	return to.Bytes(), err
}
