package protocol_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestSigninTakesWhatClientsSend(t *testing.T) {
	tests := []struct {
		data string
		want protocol.Signin
	}{
		{
			`{"auth":"k:s","user_data":"{\"id\": \"u1\",\"x\":\"\\u00e9\"}"}`,
			protocol.Signin{Auth: "k:s", UserData: `{"id": "u1","x":"\u00e9"}`},
		},
		{`"{\"auth\":\"k:s\",\"user_data\":\"{}\"}"`, protocol.Signin{Auth: "k:s", UserData: "{}"}},
		{`{"user_data":""}`, protocol.Signin{}},
		{`{"auth":null,"user_data":"{}","channel_data":7}`, protocol.Signin{UserData: "{}"}},
	}
	for _, test := range tests {
		got, err := protocol.Message{Data: json.RawMessage(test.data)}.Signin()
		if err != nil {
			t.Errorf("%s: %v", test.data, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.data, diff)
		}
	}
}

func TestSigninNamesWhatIsWrong(t *testing.T) {
	const invalid = "Received invalid JSON: data: "
	tests := []struct{ data, want string }{
		{``, invalid + "must be an object"},
		{`[]`, invalid + "must be an object"},
		{`"x"`, invalid + "must be an object"},
		{`{"auth":"k:s"}`, invalid + `"user_data" is missing`},
		{`{"auth":"k:s","user_data":null}`, invalid + `"user_data" is missing`},
		{`{"auth":"k:s","user_data":{"id":"u1"}}`, invalid + `"user_data" must be a string`},
		{`{"auth":7,"user_data":"{}"}`, invalid + `"auth" must be a string`},
		{`{"user_data":"{}","user_data":"{}"}`, invalid + `"user_data" comes twice`},
		{`{"User_data":"{}"}`, invalid + `"User_data" must be written "user_data"`},
	}
	for _, test := range tests {
		_, err := protocol.Message{Data: json.RawMessage(test.data)}.Signin()
		if err == nil || err.Message != test.want || err.Code != 0 {
			t.Errorf("%s: got %+v, want %q with no code", test.data, err, test.want)
		}
	}
}
