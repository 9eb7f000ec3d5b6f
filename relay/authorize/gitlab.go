package authorize

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// gitlab is GitLab.
type gitlab struct{}

// NewGitLab makes one that asks GitLab. address is that of the API: "" is that of gitlab.com, any
// ends in /api/v4. roots is as with [NewGitHub].
func NewGitLab(address string, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*SourceHost, error) {
	s, err := newSourceHost(address, "https://gitlab.com/api/v4", roots, m, log)
	if err != nil {
		return nil, err
	}
	s.host, s.accept = gitlab{}, map[string]string{"Accept": "application/json"}
	return s, nil
}

// gitlabName is what a group, a user or a project may have in its path.
var gitlabName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// repository is that of a [host]. That somebody sees a project does not mean that he may read the logs of
// its jobs: so both is asked. A group within a group has a comma where its path has a /, which no
// channel can have.
func (gitlab) repository(owner, repo string) ([]inquiry, error) {
	parts := append(strings.Split(owner, ","), repo)
	for _, part := range parts {
		if !gitlabName.MatchString(part) {
			return nil, errNoSuchName
		}
	}
	name := strings.Join(parts, "/")
	project := "/projects/" + url.PathEscape(name)
	return []inquiry{
		{project, func(body []byte) error { return checkGitLabProject(body, name) }},
		{project + "/jobs?per_page=1", checkGitLabJobs},
	}, nil
}

func checkGitLabProject(body []byte, name string) error {
	values, err := readAPI(body, "path_with_namespace")
	if err != nil {
		return err
	}
	return checkName(values[0], name)
}

func checkGitLabJobs(body []byte) error {
	var jobs []json.RawMessage
	if json.Unmarshal(body, &jobs) != nil || jobs == nil {
		return errors.New("the answer must be a JSON array of jobs")
	}
	return nil
}

// user is that of a [host].
func (gitlab) user(body []byte) (protocol.Member, error) { return readUser(body, "username") }
