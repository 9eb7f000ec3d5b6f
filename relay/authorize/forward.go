package authorize

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// mostAnswer is how long an answer of the CI may be.
const mostAnswer = 16 << 10

// Forward is a [Decider] that asks an address of the CI: a POST with the client's Cookie and
// Authorization, and the question as JSON. 2xx is yes, 3xx and 4xx but 429 are no, and anything else
// is no answer.
type Forward struct {
	asking
	url string
}

// NewForward makes one that asks address. roots is what the address's certificate is believed by;
// where it returns nil that is the system's.
func NewForward(address string, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*Forward, error) {
	if _, err := parseAddress(address, "https://ci.example.com/relay/auth"); err != nil {
		return nil, err
	}
	return &Forward{asking: newAsking(roots, m, log), url: address}, nil
}

// Decide is that of a [Decider].
func (f *Forward) Decide(ctx context.Context, q Question) (Answer, error) {
	return f.decide(ctx, q, f.ask)
}

func (f *Forward) ask(ctx context.Context, q Question) (Answer, error) {
	request, err := f.request(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	body, err := f.send(request, mostAnswer, checkYes)
	if err != nil {
		return Answer{}, err
	}
	return parseAnswer(bytes.TrimSpace(body))
}

func (f *Forward) request(ctx context.Context, q Question) (*http.Request, error) {
	body, err := json.Marshal(struct {
		App      string            `json:"app"`
		SocketID string            `json:"socket_id"`
		Channel  string            `json:"channel,omitempty"`
		Pattern  string            `json:"pattern,omitempty"`
		Fields   map[string]string `json:"fields,omitempty"`
	}{q.App, q.SocketID, q.Channel, q.Pattern, q.Fields})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "buildrelay")
	for name, value := range map[string]string{"Cookie": string(q.Cookie), "Authorization": string(q.Authorization)} {
		if value != "" {
			h.Set(name, value)
		}
	}
	h["X-Idempotency-Key"] = nil // not sent: net/http may ask again where a connection was just closed
	return request, nil
}

// checkYes tells a yes by its status.
func checkYes(response *http.Response) error {
	switch status := response.StatusCode; {
	case status >= 300 && status < 500 && status != http.StatusTooManyRequests:
		return fmt.Errorf("%w: status %d", ErrDenied, status)
	case status < 200 || status > 299:
		return fmt.Errorf("the answer has status %d, which is neither 2xx nor 3xx nor 4xx but 429", status)
	}
	return nil
}

// parseAnswer reads the body of a yes: nothing, or an object with user_id, and perhaps user_info.
// Whatever else is in it could mean "but": it is refused. A page that somebody made for people,
// such as one to log in, is no answer.
func parseAnswer(body []byte) (Answer, error) {
	if len(body) == 0 {
		return Answer{}, nil
	}
	values, extra, err := protocol.ReadObject(body, "user_id", "user_info")
	if err != nil {
		return Answer{}, fmt.Errorf("the body of the answer must be empty, or a JSON object: %w", err)
	}
	if len(extra) > 0 {
		return Answer{}, errors.New("the body of the answer may have user_id and user_info, and nothing else")
	}
	if values[0] == nil {
		if values[1] != nil {
			return Answer{}, errors.New("the body of the answer has user_info without user_id")
		}
		return Answer{}, nil
	}
	member, refused := protocol.ParseMember(string(body), protocol.Limits{MemberSize: mostAnswer})
	if refused != nil {
		return Answer{}, errors.New(refused.Message)
	}
	return Answer{Member: &member}, nil
}
