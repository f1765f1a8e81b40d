//! Folders, images and MCP servers of an agent step.
//!
//! Owns: looking up those that a script names. The user may not have written the script:
//! agents get what lies in the project of their folder, and what the user's settings name.
//! Never: starts a server.

use std::fmt::Display;
use std::path::{Component, Path, PathBuf};

use smol_wf_core::codes::Code;
use smol_wf_core::guest::Failure;
use smol_wf_core::step_request::AgentRequest;
use smol_wf_providers::{Image, McpServer};

use crate::library::{ProjectRoot, read_beneath};
use crate::request::AgentSettings;

/// Most bytes of one image: the limit of model services.
const IMAGE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Most bytes of all images of a step: a request to a model may have 32 MB, in base64.
const IMAGES_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Git's own folder. A file written there can start programs later, outside of the
/// agent's confinement. So no path leads into it, and no folder is handed over that holds
/// one, unless the agent works in that folder or above it anyway.
const GIT: &str = ".git";

/// The folders, images and servers of one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepResources {
    pub(crate) dirs: Vec<PathBuf>,
    pub(crate) images: Vec<Image>,
    pub(crate) mcp: Vec<McpServer>,
}

/// Looks up the folders, images and servers of a step on another thread.
pub(crate) async fn find(
    request: &AgentRequest,
    cwd: &Path,
    home: Option<&Path>,
    settings: &AgentSettings,
) -> Result<StepResources, Failure> {
    let mcp = servers(&request.mcp, settings)?;
    if request.dirs.is_empty() && request.images.is_empty() {
        return Ok(StepResources { mcp, ..StepResources::default() });
    }
    let places = (cwd.to_owned(), home.map(Path::to_owned), settings.dirs.clone());
    let is_isolated = request.isolation.is_some();
    let wanted = (request.dirs.clone(), request.images.clone());
    let found = tokio::task::spawn_blocking(move || {
        let (cwd, home, allowed) = places;
        let allowed = AllowedFolders::new(&cwd, home.as_deref(), &allowed);
        let dirs = allowed.dirs(&wanted.0)?;
        if is_isolated {
            allowed.keep_apart(&dirs)?;
        }
        Ok((dirs, allowed.images(&wanted.1)?))
    });
    let found = found.await.map_err(|error| Failure::new(Code::InternalError, error.to_string()));
    let (dirs, images) = found??;
    Ok(StepResources { dirs, images, mcp })
}

/// What the steps of a run may be given, for checks and simulations of its script.
#[derive(Debug, Clone)]
pub(crate) struct ResourceRules {
    /// The folder that agents work in.
    pub(crate) cwd: PathBuf,
    pub(crate) home: Option<PathBuf>,
    pub(crate) settings: AgentSettings,
}

impl ResourceRules {
    /// Refuses what a run would refuse at this step, as far as that is certain before any
    /// agent has worked: agents may still make a file or folder that is missing now.
    /// Blocks on the disk.
    pub(crate) fn check(&self, request: &AgentRequest) -> Result<(), Failure> {
        servers(&request.mcp, &self.settings)?;
        if request.dirs.is_empty() && request.images.is_empty() {
            return Ok(());
        }
        let allowed = AllowedFolders::new(&self.cwd, self.home.as_deref(), &self.settings.dirs);
        let is_there = |written: &&String| self.cwd.join(written).exists();
        let dirs: Vec<String> = request.dirs.iter().filter(is_there).cloned().collect();
        let dirs = allowed.dirs(&dirs)?;
        if request.isolation.is_some() {
            allowed.keep_apart(&dirs)?;
        }
        let mut images = request.images.iter().filter(is_there);
        images.try_for_each(|image| allowed.real("images", image).map(|_| ()))
    }
}

/// The servers of these names, sorted, each once. Fails when the settings lack one.
pub(crate) fn servers(
    names: &[String],
    settings: &AgentSettings,
) -> Result<Vec<McpServer>, Failure> {
    let found = names.iter().map(|name| {
        let defined = settings.mcp.iter().find(|server| server.name == *name);
        defined.cloned().ok_or_else(|| {
            let known: Vec<&str> = settings.mcp.iter().map(|one| one.name.as_str()).collect();
            let known = match known.as_slice() {
                [] => "they define none".to_owned(),
                names => format!("they define {}", names.join(", ")),
            };
            refuse("mcp", name, format!("a server that the settings do not define; {known}"))
        })
    });
    let mut servers = found.collect::<Result<Vec<McpServer>, Failure>>()?;
    servers.sort_by(|one, other| one.name.cmp(&other.name));
    servers.dedup();
    Ok(servers)
}

/// The folders that a step may name paths in.
struct AllowedFolders<'a> {
    /// Relative paths begin here.
    cwd: &'a Path,
    /// Real paths, that of the project first.
    roots: Vec<PathBuf>,
}

impl<'a> AllowedFolders<'a> {
    fn new(cwd: &'a Path, home: Option<&Path>, more: &[PathBuf]) -> Self {
        let project = ProjectRoot::containing(cwd, home).ok().map(|root| root.path().to_owned());
        let more = more.iter().filter_map(|path| path.canonicalize().ok());
        Self { cwd, roots: project.into_iter().chain(more).collect() }
    }

    /// The real paths of `dirs`, each once.
    fn dirs(&self, written: &[String]) -> Result<Vec<PathBuf>, Failure> {
        let mut dirs = Vec::new();
        for text in written {
            let (real, _) = self.real("dirs", text)?;
            if !real.is_dir() {
                return Err(refuse("dirs", text, "not a folder"));
            }
            if is_checkout(&real) && !self.is_in_cwd(&real) {
                return Err(refuse("dirs", text, "a folder that holds one of git's own, `.git`"));
            }
            // The path goes through a program's arguments and settings as text.
            let is_plain = real.to_str().is_some_and(|it| !it.contains(['*', '?', ',', '"']));
            if !is_plain {
                return Err(refuse(
                    "dirs",
                    text,
                    "a path with characters that agents take for patterns",
                ));
            }
            if !dirs.contains(&real) {
                dirs.push(real);
            }
        }
        Ok(dirs)
    }

    fn is_in_cwd(&self, real: &Path) -> bool {
        self.cwd.canonicalize().is_ok_and(|cwd| real.starts_with(cwd))
    }

    /// Refuses folders that would undo the isolation of a step: it works in a checkout of
    /// its own, so that it changes nothing in the project's.
    fn keep_apart(&self, dirs: &[PathBuf]) -> Result<(), Failure> {
        let real = self.cwd.canonicalize();
        let cwd = real.as_deref().unwrap_or(self.cwd);
        let checkout = cwd.ancestors().find(|dir| is_checkout(dir)).unwrap_or(cwd);
        // The project's own checkout, when there are others in it.
        let project = self.roots.first().filter(|project| checkout.starts_with(project));
        let checkout = project.map_or(checkout, PathBuf::as_path);
        let undoes = |dir: &&PathBuf| dir.starts_with(checkout) || checkout.starts_with(dir);
        let Some(dir) = dirs.iter().find(undoes) else { return Ok(()) };
        let why = format!(
            "in the project's own checkout ({}), or around it, which `isolation` keeps the agent out of; leave the folder out: the agent has the project in a worktree of its own",
            checkout.display()
        );
        Err(refuse("dirs", &dir.to_string_lossy(), why))
    }

    /// The images at these paths, within the bounds of bytes.
    fn images(&self, written: &[String]) -> Result<Vec<Image>, Failure> {
        let mut images: Vec<Image> = Vec::new();
        for text in written {
            let (real, root) = self.real("images", text)?;
            let inside = real.strip_prefix(root).unwrap_or(&real);
            let bytes = read_beneath(root, inside, IMAGE_BYTES_MAX);
            let bytes = bytes.map_err(|error| refuse("images", text, unreadable(&error)))?;
            let image = Image::of(bytes).ok_or_else(|| {
                refuse("images", text, "not an image: PNG, JPEG, GIF and WebP are known")
            })?;
            images.push(image);
            if images.iter().map(|image| image.bytes.len()).sum::<usize>() > IMAGES_BYTES_MAX {
                let most = format!("more than {} MiB of images", IMAGES_BYTES_MAX >> 20);
                return Err(refuse("images", text, most));
            }
        }
        Ok(images)
    }

    /// The real path of what a script names, and the allowed folder that holds it.
    fn real(&self, option: &str, written: &str) -> Result<(PathBuf, &Path), Failure> {
        let real = self.cwd.join(written).canonicalize();
        let real = real.map_err(|error| refuse(option, written, unreadable(&error)))?;
        let root = self.roots.iter().find(|root| real.starts_with(root)).ok_or_else(|| {
            let project = self.roots.first().map(|root| root.display().to_string());
            let why = format!(
                "outside of the project ({}) and of the folders that `dirs` in your settings allows",
                project.unwrap_or_default()
            );
            refuse(option, written, why)
        })?;
        let inside = real.strip_prefix(root).unwrap_or(&real);
        if inside.components().any(|part| part == Component::Normal(GIT.as_ref())) {
            return Err(refuse(option, written, "in a folder of git's own"));
        }
        Ok((real, root))
    }
}

/// Whether a folder is a git checkout.
fn is_checkout(dir: &Path) -> bool {
    // It is a folder, or a file in a worktree. A dangling link counts, too.
    dir.join(GIT).symlink_metadata().is_ok()
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "not there".to_owned(),
        _ => format!("not readable: {error}"),
    }
}

/// The refusal of a step, with the option and the value that the script gave.
fn refuse(option: &str, written: &str, why: impl Display) -> Failure {
    let message = format!("option `{option}` of agent() has `{written}`, which is {why}");
    Failure::new(Code::CallInvalid, message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use smol_wf_providers::McpTransport;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

    struct Project {
        _temp: tempfile::TempDir,
        root: PathBuf,
        settings: AgentSettings,
    }

    fn project() -> Project {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        for dir in ["p/.git/hooks", "p/a/b/.git", "p/lib", "p/module", "out", "shared/x"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        for image in ["p/a/one.png", "out/secret.png", "shared/two.png"] {
            fs::write(root.join(image), PNG).unwrap();
        }
        fs::write(root.join("p/text.png"), "no image").unwrap();
        fs::write(root.join("p/module/.git"), "gitdir: ../.git/modules/m").unwrap();
        let settings =
            AgentSettings { dirs: vec![root.join("shared")], ..AgentSettings::default() };
        Project { _temp: temp, root, settings }
    }

    async fn resources(
        project: &Project,
        dirs: &[&str],
        images: &[&str],
    ) -> Result<StepResources, String> {
        asked(project, AgentRequest::plain("p"), dirs, images).await
    }

    async fn asked(
        project: &Project,
        mut request: AgentRequest,
        dirs: &[&str],
        images: &[&str],
    ) -> Result<StepResources, String> {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        (request.dirs, request.images) = (owned(dirs), owned(images));
        let found = find(&request, &project.root.join("p/a"), None, &project.settings).await;
        found.map_err(|failure| {
            assert_eq!(failure.code, Code::CallInvalid);
            failure.message
        })
    }

    #[tokio::test]
    async fn folders_lie_in_the_project_or_where_the_user_says() {
        let project = project();
        let shared = project.root.join("shared/x");
        let wanted = ["../lib", "b/..", "../lib/", shared.to_str().unwrap(), "b"];
        let dirs = resources(&project, &wanted, &[]).await.unwrap().dirs;
        let (lib, own, below) = ("p/lib", "p/a", "p/a/b");
        let [lib, own, below] = [lib, own, below].map(|dir| project.root.join(dir));
        assert_eq!(dirs, [lib, own, shared, below]);
        for (wrong, says) in [
            ("../../out", "outside of the project"),
            ("/", "outside of the project"),
            ("..//..", "outside of the project"),
            ("nowhere", "which is not there"),
            ("one.png", "which is not a folder"),
            ("..", "a folder that holds one of git's own"),
            ("../module", "a folder that holds one of git's own"),
            ("../.git", "in a folder of git's own"),
            ("../.git/hooks", "in a folder of git's own"),
        ] {
            let refused = resources(&project, &[wrong], &[]).await.unwrap_err();
            assert!(refused.contains(says) && refused.contains(wrong), "{wrong}: {refused}");
        }
    }

    #[tokio::test]
    async fn an_isolated_step_gets_no_folder_of_the_project_s_checkout() {
        let mut project = project();
        let isolated =
            || AgentRequest { isolation: Some("worktree".to_owned()), ..AgentRequest::plain("p") };
        let shared = project.root.join("shared/x");
        let given = asked(&project, isolated(), &[shared.to_str().unwrap()], &["one.png"]).await;
        assert_eq!(given.unwrap().dirs, [shared]);
        // Settings do not help: they allow folders to steps that are not isolated.
        project.settings.dirs.push(project.root.clone());
        for wrong in [".", "b", "../lib", "../.."] {
            let refused = asked(&project, isolated(), &[wrong], &[]).await.unwrap_err();
            let real = project.root.join("p/a").join(wrong).canonicalize().unwrap();
            let says = format!("has `{}`, which is in the project's own checkout", real.display());
            assert!(refused.contains(&says), "{wrong}: {refused}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn no_link_leads_out() {
        let project = project();
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(project.root.join(to), project.root.join("p/a").join(name))
                .unwrap();
        };
        link("out", "dir");
        link("out/secret.png", "image.png");
        link("p/lib", "fine");
        for (dirs, images) in
            [(&["dir"][..], &[][..]), (&[], &["image.png"]), (&[], &["dir/secret.png"])]
        {
            let refused = resources(&project, dirs, images).await.unwrap_err();
            assert!(refused.contains("outside of the project"), "{refused}");
        }
        let dirs = resources(&project, &["fine"], &[]).await.unwrap().dirs;
        assert_eq!(dirs, [project.root.join("p/lib")]);
        rustix::fs::mkfifoat(rustix::fs::CWD, project.root.join("p/a/pipe.png"), 0o600.into())
            .unwrap();
        let refused = resources(&project, &[], &["pipe.png"]).await.unwrap_err();
        assert!(refused.contains("a pipe"), "{refused}");
    }

    #[tokio::test]
    async fn images_are_whole_and_bounded() {
        let project = project();
        let two = project.root.join("shared/two.png");
        let images =
            resources(&project, &[], &["one.png", two.to_str().unwrap()]).await.unwrap().images;
        assert_eq!(images.len(), 2);
        assert_eq!((images[0].mime, &images[0].bytes[..]), ("image/png", PNG));
        let refused = resources(&project, &[], &["../text.png"]).await.unwrap_err();
        assert!(refused.contains("which is not an image"), "{refused}");
        let large = fs::File::create(project.root.join("p/a/large.png")).unwrap();
        large.set_len(IMAGE_BYTES_MAX + 1).unwrap();
        resources(&project, &[], &["large.png"]).await.unwrap_err();
        let mut bytes = PNG.to_vec();
        bytes.resize(usize::try_from(IMAGE_BYTES_MAX).unwrap(), 0);
        fs::write(project.root.join("p/a/big.png"), bytes).unwrap();
        let refused = resources(&project, &[], &["big.png"; 5]).await.unwrap_err();
        assert!(refused.contains("more than 20 MiB of images"), "{refused}");
    }

    #[test]
    fn a_server_is_one_that_the_user_has_defined() {
        let server = |name: &str| McpServer {
            name: name.to_owned(),
            way: McpTransport::Http {
                url: "http://127.0.0.1/".to_owned(),
                headers: BTreeMap::new(),
            },
        };
        let mut settings = AgentSettings::default();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let refused = servers(&names(&["a"]), &settings).unwrap_err();
        assert!(refused.message.contains("has `a`"), "{}", refused.message);
        assert!(refused.message.ends_with("they define none"), "{}", refused.message);
        settings.mcp = vec![server("b"), server("a")];
        let found = servers(&names(&["b", "a", "b"]), &settings).unwrap();
        assert_eq!(found, [server("a"), server("b")]);
        let refused = servers(&names(&["c"]), &settings).unwrap_err();
        assert!(refused.message.ends_with("they define b, a"), "{}", refused.message);
    }
}
