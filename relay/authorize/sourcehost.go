package authorize

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// mostOfAPI is how long an answer of a source host may be: about a repository that is a fork GitHub
// has some 20 KiB to say.
const mostOfAPI = 256 << 10

// keepOwner is how long it is remembered whose a token is. That stays as it is, but for the name.
const keepOwner = 5 * time.Minute

// The fields of a channel's name that say which repository it is about.
const (
	ownerField = "owner"
	repoField  = "repo"
)

// SourceHost is a [Decider] that asks the API of the host of the sources, with the client's own
// token: who may read a repository may watch what is built from it. Cookies count for nothing.
// What is not the API's clear word for yes or no is no answer.
type SourceHost struct {
	asking
	api       string // without a / at its end
	accept    map[string]string
	host      host
	resting   byToken[struct{}]         // with which nothing is to be asked now
	owners    byToken[*protocol.Member] // whose they are; nil for those of machines
	strangers strangers
}

// host is a kind of source host, by what its API has to say.
type host interface {
	// repository is what is to be asked about a repository, in this order, until it is clear that
	// it may not be read; an error that is [ErrDenied] where there is none of such a name.
	repository(owner, repo string) ([]inquiry, error)
	// user reads the answer of /user: whose the token is.
	user(body []byte) (protocol.Member, error)
}

// inquiry is something that the API is asked.
type inquiry struct {
	path string // in the API, escaped
	// check reads an answer of status 200: its error is nil for yes, [ErrDenied] for no, and
	// another where the answer is not understood.
	check func(body []byte) error
}

// newSourceHost makes one of the API at address, which is like example.
func newSourceHost(address, example string, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*SourceHost, error) {
	if address == "" {
		address = example
	}
	u, err := parseAddress(address, example)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("it must have no query")
	}
	if name := strings.TrimPrefix(u.Hostname(), "www."); (name == "github.com" || name == "gitlab.com") && !strings.HasPrefix(u.Path, "/api/") {
		return nil, errors.New("it must be the address of the API, such as " + example)
	}
	return &SourceHost{asking: newAsking(roots, m, log), api: strings.TrimRight(address, "/")}, nil
}

// CheckSourcePatterns tells which pattern does not say which repository its channels are about. A
// [SourceHost] refuses those.
func CheckSourcePatterns(patterns Patterns) error {
	for _, p := range patterns {
		for _, name := range []string{ownerField, repoField} {
			if !p.has(name) {
				return fmt.Errorf("%q: it must have {%s}, as a source host is asked about {%s}/{%s}", p.text, name, ownerField, repoField)
			}
		}
	}
	return nil
}

// Decide is that of a [Decider]. It says whose the token is, too, where it is a person's: by that
// decisions can be revoked.
func (s *SourceHost) Decide(ctx context.Context, q Question) (Answer, error) {
	token, ok := tokenOf(q.Authorization)
	if !ok {
		return Answer{}, &refusal{http.StatusForbidden, outcomeAnonymous, "no credentials: the request must have an Authorization with a token of the source host, after Bearer or token; cookies do not count"}
	}
	about, err := s.about(q)
	if err != nil {
		return Answer{}, err
	}
	return s.decide(ctx, q, func(ctx context.Context, q Question) (Answer, error) {
		_, known := s.owners.get(token, s.now())
		if err := s.strangers.check(q.Address, token, known, s.now()); err != nil {
			return Answer{}, err
		}
		answer, err := s.judge(ctx, q, token, about)
		if errors.Is(err, errStranger) {
			s.strangers.add(q.Address, token, s.now())
		}
		return answer, err
	})
}

// judge asks all that is to be asked.
func (s *SourceHost) judge(ctx context.Context, q Question, token auth.Secret, about []inquiry) (Answer, error) {
	for _, i := range about {
		if err := s.inquire(ctx, token, i); err != nil {
			return Answer{}, err
		}
	}
	return s.who(ctx, q, token)
}

// about is what is to be asked about a channel's repository.
func (s *SourceHost) about(q Question) ([]inquiry, error) {
	if q.Channel == "" {
		return nil, nil
	}
	return s.host.repository(q.Fields[ownerField], q.Fields[repoField])
}

// who is whose a token is: of one with which a channel's repository was just read as it was known, of
// others as it is now. Tokens of machines are nobody's, and good for private channels alone. Of another
// that reads the repository, whose owner is not told, nothing is decided: nobody could revoke that.
func (s *SourceHost) who(ctx context.Context, q Question, token auth.Secret) (Answer, error) {
	needed := q.Channel == "" || isPresence(q.Channel)
	owner, known := s.owners.get(token, s.now())
	if known && q.Channel != "" && (owner != nil || !needed) {
		return Answer{Member: owner}, nil
	}
	owner, err := s.askOwner(ctx, token)
	switch machine := errors.Is(err, errMachine); {
	case err == nil, machine && !needed:
	case errors.Is(err, ErrDenied) && !machine && q.Channel != "":
		return Answer{}, errors.New("the API does not say whose a token is that reads the repository")
	default:
		return Answer{}, err
	}
	s.owners.put(token, owner, s.now().Add(keepOwner), s.now())
	return Answer{Member: owner}, nil
}

func (s *SourceHost) askOwner(ctx context.Context, token auth.Secret) (*protocol.Member, error) {
	var owner protocol.Member
	err := s.inquire(ctx, token, inquiry{"/user", func(body []byte) (err error) {
		owner, err = s.host.user(body)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return &owner, nil
}

// inquire asks the API; its error is that of a [Decider].
func (s *SourceHost) inquire(ctx context.Context, token auth.Secret, i inquiry) error {
	if _, ok := s.resting.get(token, s.now()); ok {
		return errLimited
	}
	request, err := s.request(ctx, token, i.path)
	if err != nil {
		return err
	}
	body, err := s.send(request, mostOfAPI, func(response *http.Response) error {
		why, err := whyForbidden(response)
		if err != nil {
			return err
		}
		if rest := restOf(response, why, s.now()); rest > 0 {
			s.resting.put(token, struct{}{}, s.now().Add(rest), s.now())
			return errLimited
		}
		return checkAPI(response, why)
	})
	if err != nil {
		return err
	}
	return i.check(body)
}

func (s *SourceHost) request(ctx context.Context, token auth.Secret, path string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.api+path, http.NoBody)
	if err != nil {
		return nil, withoutURL(err)
	}
	for name, value := range s.accept {
		request.Header.Set(name, value)
	}
	request.Header.Set("User-Agent", "buildrelay")
	request.Header.Set("Authorization", "Bearer "+string(token))
	return request, nil
}

// credentials are a token as RFC 6750 has it, behind either word that GitHub takes for it.
var credentials = regexp.MustCompile(`^(?i:bearer|token) +([A-Za-z0-9._~+/-]+=*)$`)

// tokenOf is the token that an Authorization shows, if it shows one.
func tokenOf(authorization auth.Secret) (auth.Secret, bool) {
	found := credentials.FindStringSubmatch(string(authorization))
	if found == nil {
		return "", false
	}
	return auth.Secret(found[1]), true
}
