#include "store/sqlite/filesystem.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/unique_fd.hpp"

namespace quarterdeck::store::sqlite {
namespace {

struct Kind {
  long magic;
  std::string_view name;
};
// linux/magic.h and the sources of those that are not in it.
constexpr Kind kNetwork[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},        {0xFE534D42, "SMB"},   {0xFF534D42, "CIFS"},
    {0x01021997, "9P"},     {0x73757245, "Coda"},   {0x5346414F, "AFS"},   {0x6B414653, "AFS"},
    {0x00C36400, "Ceph"},   {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},  {0x013111A8, "IBRIX"},
    {0x19830326, "BeeGFS"}, {0xAAD7AAEA, "PanFS"},  {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"},
};
// FUSE has one number for all; these go over a network, or to another kernel.
constexpr std::string_view kNetworkTypes[] = {
    "nfs",          "nfs4",        "cifs",       "smb3",           "9p",        "virtiofs",         "ceph",
    "lustre",       "glusterfs",   "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs",        "fuse.rclone",
    "fuse.gcsfuse", "fuse.davfs2", "davfs",      "vboxsf",         "prl_fs",    "fuse.vmhgfs-fuse", "afs",
};

// The kernel's name of the file system of a device, from this process's mounts.
std::string mount_type(dev_t device) {
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string wanted = fmt::format("{}:{}", major(device), minor(device));
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, number, word;
    fields >> id >> parent >> number;
    if (number != wanted) continue;
    while (fields >> word && word != "-") {}
    fields >> word;
    return word;
  }
  return "";
}

Error failure(std::string_view what, const std::filesystem::path& path, int number) {
  return {number == ENOSPC || number == EDQUOT ? ErrorCode::no_space : ErrorCode::unavailable,
          fmt::format("{} {}: {}", what, path.string(), std::strerror(number)),
          {}};
}

}  // namespace

Result<> make_private_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS) {
    return std::unexpected(failure("making", directory, errno));
  }
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) return std::unexpected(failure("making", directory, errno));
  if (!S_ISDIR(status.st_mode)) return std::unexpected(failure("making", directory, ENOTDIR));
  if ((status.st_mode & 07777) != 0700 && ::chmod(directory.c_str(), 0700) != 0 && errno != EROFS) {
    return std::unexpected(failure("protecting", directory, errno));
  }
  return {};
}

Result<> make_private(const std::filesystem::path& directory, const std::filesystem::path& database) {
  TRY_VOID(make_private_directory(directory));
  // SQLite gives its -wal and -shm files the mode of the database.
  const UniqueFd file(::open(database.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) {
    // There, but not to be written: it can still be read.
    if ((errno == EROFS || errno == EACCES) && ::access(database.c_str(), R_OK) == 0) return {};
    return std::unexpected(failure("making", database, errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) == 0 && (status.st_mode & 07777) != 0600 && (status.st_mode & 0077) != 0 &&
      ::fchmod(file.get(), 0600) != 0) {
    return std::unexpected(failure("protecting", database, errno));
  }
  return {};
}

std::optional<std::string> network_file_system(std::string_view type, long magic) {
  for (const Kind& kind : kNetwork) {
    if (kind.magic == magic) return std::string(kind.name);
  }
  for (const std::string_view name : kNetworkTypes) {
    if (name == type) return std::string(name);
  }
  return std::nullopt;
}

std::optional<std::string> network_file_system(const std::filesystem::path& directory) {
  struct statfs of{};
  struct stat status{};
  if (::statfs(directory.c_str(), &of) != 0 || ::stat(directory.c_str(), &status) != 0) return std::nullopt;
  return network_file_system(mount_type(status.st_dev), static_cast<long>(of.f_type));
}

Result<> sync_directory(const std::filesystem::path& directory) {
  const UniqueFd file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.valid() || ::fsync(file.get()) != 0) return std::unexpected(failure("syncing", directory, errno));
  return {};
}

}  // namespace quarterdeck::store::sqlite
