package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// memberNames are the names of an object's members, in their order.
func memberNames(t *testing.T, object string) []string {
	t.Helper()
	var names []string
	decoder := json.NewDecoder(strings.NewReader(object))
	_, _ = decoder.Token()
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		if err := decoder.Decode(new(json.RawMessage)); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// withMember is an object in which a member has another value, as JSON.
func withMember(t *testing.T, object, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	members[name] = json.RawMessage(value)
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
