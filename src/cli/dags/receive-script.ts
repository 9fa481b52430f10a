/**
 * Runs in the DAG processor's container: `python -c SCRIPT FOLDER SIZE DELETE`, a tar archive of SIZE bytes on stdin.
 * Every file is written beside its place under a name that no DAG processor reads, then renamed over it, so that a
 * reader sees the old file or the new one. Unchanged files are left alone and are not parsed again.
 * Prints JSON: `written`, `unchanged`, `deleted` (paths in the folder) and `time` (seconds since the epoch, this clock).
 */
export const RECEIVE_SCRIPT = String.raw`
import io, json, os, sys, tarfile, time

folder, size, delete = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "true"
archive = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read(size)))
result = {"written": [], "unchanged": [], "deleted": []}
wanted = set()
for member in archive:
    path = os.path.normpath(member.name)
    if not member.isfile() or path.startswith(("/", "..")):
        sys.exit("not a plain file inside the folder: " + member.name)
    wanted.add(path)
    target = os.path.join(folder, path)
    content = archive.extractfile(member).read()
    try:
        with open(target, "rb") as file:
            same = file.read() == content
    except FileNotFoundError:
        same = False
    if same:
        result["unchanged"].append(path)
        continue
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = os.path.join(os.path.dirname(target), "." + os.path.basename(target) + ".pushed")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, target)
    result["written"].append(path)
if delete:
    for parent, folders, files in os.walk(folder, topdown=False):
        if "__pycache__" in parent.split(os.sep) or "lost+found" in parent.split(os.sep):
            continue
        for name in files:
            path = os.path.relpath(os.path.join(parent, name), folder)
            if path not in wanted:
                os.remove(os.path.join(folder, path))
                result["deleted"].append(path)
result["time"] = time.time()
json.dump(result, sys.stdout)
`;
