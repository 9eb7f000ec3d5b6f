package authorize_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

// Whatever a channel's name holds, what is asked about is the repository of that name and nothing
// else of the API.
func FuzzARepositoryIsAskedAboutByItsOwnPath(f *testing.F) {
	github, _ := askingHost(f, authorize.NewGitHub, "http://127.0.0.1:1/api/v3")
	gitlab, _ := askingHost(f, authorize.NewGitLab, "http://127.0.0.1:1/api/v4")
	for _, names := range [][2]string{{"acme", "site"}, {"acme", ".."}, {"..", "user"}, {"acme,infra", "a.b"}, {"acme/x", "%2e%2e"}, {"acme", "site?x#y"}, {"a\n", "\x00"}} {
		f.Add(names[0], names[1])
	}
	f.Fuzz(func(t *testing.T, owner, repo string) {
		paths, err := github.Paths(owner, repo)
		if err == nil && (len(paths) != 1 || paths[0] != "/repos/"+owner+"/"+repo) || err != nil && (len(paths) > 0 || !errors.Is(err, authorize.ErrDenied)) {
			t.Errorf("GitHub: %q, %v", paths, err)
		}
		paths, more := gitlab.Paths(owner, repo)
		if more != nil && (len(paths) > 0 || !errors.Is(more, authorize.ErrDenied)) || more == nil && len(paths) != 2 {
			t.Errorf("GitLab: %q, %v", paths, more)
		}
		for _, path := range paths {
			u, err := url.Parse("http://127.0.0.1:1/api/v4" + path)
			if err != nil || u.Fragment != "" || strings.Count(u.EscapedPath(), "/") != strings.Count(path, "/")+2 {
				t.Fatalf("%q: %v", path, err)
			}
			if want := "/api/v4/projects/" + strings.ReplaceAll(owner, ",", "/") + "/" + repo; strings.TrimSuffix(u.Path, "/jobs") != want && u.Path != want {
				t.Errorf("%q, want %q", u.Path, want)
			}
			for segment := range strings.SplitSeq(u.Path, "/") {
				if segment == "." || segment == ".." {
					t.Errorf("%q leads elsewhere", u.Path)
				}
			}
		}
	})
}

// Whatever is answered about a repository lets nobody in but where it names the repository, and says
// nothing against it.
func FuzzAnAnswerAboutARepositoryNamesIt(f *testing.F) {
	for _, body := range []string{
		`{"full_name":"acme/site","permissions":{"pull":true}}`, `{"full_name":"ACME/site"}`, `{"full_name":"acme/site","permissions":{"pull":false}}`,
		`{"full_name":"acme/other"}`, `{"full_name":"acme/site","permissions":{"pull":1}}`, "<html>", "{", `{"full_name":"\u0061cme/site"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if authorize.CheckGitHubRepo(body, "acme/site") != nil {
			return
		}
		var got struct {
			Name        string `json:"full_name"`
			Permissions struct {
				Pull *bool `json:"pull"`
			} `json:"permissions"`
		}
		if err := json.Unmarshal(body, &got); err != nil || !strings.EqualFold(got.Name, "acme/site") || got.Permissions.Pull != nil && !*got.Permissions.Pull {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	})
}

// Whoever the host says somebody is can be signed.
func FuzzAUserOfTheHostIsOneOrNone(f *testing.F) {
	for _, body := range []string{`{"login":"ada","id":1,"name":"Ada"}`, `{"login":"ada","id":1,"name":null}`, `{"login":"","id":0}`, `{"login":"ada","id":18446744073709551615}`, `{"login":"\ud800","id":1}`, "[]", "{"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		member, err := authorize.ReadGitHubUser(body)
		if err != nil {
			if member != (protocol.Member{}) {
				t.Errorf("%s: %+v and %v", body, member, err)
			}
			return
		}
		if !protocol.IsUserID(member.ID) || !json.Valid([]byte(member.Info)) || member.Info[0] != '{' {
			t.Errorf("%s: %+v", body, member)
		}
	})
}
