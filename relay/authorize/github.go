package authorize

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode/utf8"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// github is GitHub, and GitHub Enterprise.
type github struct{}

// NewGitHub makes one that asks GitHub. address is that of the API: "" is GitHub's own, that of GitHub
// Enterprise Server ends in /api/v3. roots is what its certificate is believed by; where it returns
// nil that is the system's.
func NewGitHub(address string, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*SourceHost, error) {
	s, err := newSourceHost(address, "https://api.github.com", roots, m, log)
	if err != nil {
		return nil, err
	}
	s.host, s.accept = github{}, map[string]string{"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
	return s, nil
}

var (
	// githubOwner is what users and organizations may be called; "_" is in names that an
	// enterprise manages.
	githubOwner = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	// githubRepo is what repositories may be called, but for "." and "..".
	githubRepo = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// repository is that of a [host].
func (github) repository(owner, repo string) ([]inquiry, error) {
	if !githubOwner.MatchString(owner) || !githubRepo.MatchString(repo) || repo == "." || repo == ".." {
		return nil, errNoSuchName
	}
	name := owner + "/" + repo
	return []inquiry{{"/repos/" + name, func(body []byte) error { return checkGitHubRepo(body, name) }}}, nil
}

// errNoSuchName is for names that cannot be those of repositories.
var errNoSuchName = fmt.Errorf("%w: no repository can be called so", ErrDenied)

// checkGitHubRepo reads what is said about a repository. It must be the one that was asked about: what
// once was called so is another's by now, or could be.
func checkGitHubRepo(body []byte, name string) error {
	values, err := readAPI(body, "full_name", "permissions")
	if err != nil {
		return err
	}
	if err := checkName(values[0], name); err != nil {
		return err
	}
	if values[1] == nil {
		return nil
	}
	permissions, err := readAPI(values[1], "pull")
	if err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	switch string(permissions[0]) {
	case "", "true":
		return nil
	case "false":
		return fmt.Errorf("%w: it may not pull", ErrDenied)
	default:
		return errors.New("the answer has permissions.pull, which is neither true nor false")
	}
}

// user is that of a [host].
func (github) user(body []byte) (protocol.Member, error) { return readUser(body, "login") }

// readAPI returns the values of the members of an answer that are called names, in their order, nil
// where there is none.
func readAPI(body []byte, names ...string) ([]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the answer is not UTF-8")
	}
	values, _, err := protocol.ReadObject(body, names...)
	if err != nil {
		return nil, fmt.Errorf("the answer must be a JSON object: %w", err)
	}
	return values, nil
}

// checkName looks that the answer is about the repository of this name. Hosts do not tell names
// apart by case.
func checkName(value json.RawMessage, name string) error {
	var got string
	if json.Unmarshal(value, &got) != nil || got == "" {
		return errors.New("the answer does not say which repository it is about")
	}
	if !strings.EqualFold(got, name) {
		return fmt.Errorf("%w: the repository is called otherwise by now", ErrDenied)
	}
	return nil
}

// readUser reads who somebody is. The id is the host's number: it stays when the login changes, which
// somebody else may take then, and comes in one spelling only. The login, in the member of that name,
// and the name are user_info.
func readUser(body []byte, login string) (protocol.Member, error) {
	values, err := readAPI(body, "id", login, "name")
	if err != nil {
		return protocol.Member{}, err
	}
	var user struct {
		ID   uint64 `json:"user_id,string"`
		Info struct {
			Login string `json:"login"`
			Name  string `json:"name,omitempty"`
		} `json:"user_info"`
	}
	for i, to := range []any{&user.ID, &user.Info.Login, &user.Info.Name} {
		if values[i] != nil && json.Unmarshal(values[i], to) != nil {
			return protocol.Member{}, fmt.Errorf("the answer must have id, a number, and %s, a string; name is a string where it is there", login)
		}
	}
	if user.ID == 0 || !protocol.IsUserID(user.Info.Login) {
		return protocol.Member{}, fmt.Errorf("the answer must have id, which is not 0, and %s, which is not empty or very long", login)
	}
	text, err := marshal(user)
	if err != nil {
		return protocol.Member{}, err
	}
	member, refused := protocol.ParseMember(text, protocol.Limits{MemberSize: mostAnswer})
	if refused != nil {
		return protocol.Member{}, errors.New(refused.Message)
	}
	return member, nil
}
