package protocol_test

import (
	"testing"

	"buildrelay/protocol"
)

func TestReadersAreToldWhatKindsOfSecretsWereMasked(t *testing.T) {
	e := protocol.MaskedEvent("private-build-7", 3, []string{"jwt", "value"})
	const want = `{"channel":"private-build-7","count":3,"kinds":["jwt","value"]}`
	if e.Data != want || e.Name != "relay:masked" || e.Channel != "private-build-7" {
		t.Errorf("%+v, want the data %s", e, want)
	}
	if !protocol.Reserved("relay:masked") {
		t.Error("others may send it")
	}
}
