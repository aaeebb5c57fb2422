// An SQLite VFS over the real one that writes down every write, truncation, sync and removal, so that a test can make
// the files as a power loss at any of these points would leave them; or kills the process at the n-th of them.
// Model: what was written before a file's last sync is there; of what came after it, any part may be, in any order, the
// last write also in part (512-byte sectors).
#pragma once

#include <sqlite3.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace quarterdeck::store::testing {

struct DiskOperation {
  enum class Kind { write, truncate, sync, remove, mark } kind;
  std::string file = {};  // its name without the directory
  std::int64_t offset = 0;  // truncate: the new size; mark: its value
  std::string bytes = {};
};

class RecordingVfs {
 public:
  RecordingVfs() : real_(sqlite3_vfs_find(nullptr)) {
    current() = this;
    vfs_ = *real_;
    vfs_.zName = "recording";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.pAppData = this;
    vfs_.xOpen = &open;
    vfs_.xDelete = &remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~RecordingVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
    current() = nullptr;
  }
  RecordingVfs(const RecordingVfs&) = delete;
  RecordingVfs& operator=(const RecordingVfs&) = delete;

  void mark(std::int64_t value) { record({.kind = DiskOperation::Kind::mark, .offset = value}); }
  std::vector<DiskOperation> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(operations_, {});
  }
  // SIGKILL instead of the n-th operation from now (1, 2…).
  void kill_at(std::int64_t operation) { kill_in_ = operation; }

 private:
  struct File {
    sqlite3_file base;
    const char* name;  // SQLite keeps it while the file is open
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static RecordingVfs*& current() {
    static RecordingVfs* vfs = nullptr;
    return vfs;
  }
  static std::string base_name(const char* path) { return path ? std::filesystem::path(path).filename().string() : ""; }

  void record(DiskOperation operation) {
    const std::lock_guard lock(mutex_);
    if (kill_in_ > 0 && --kill_in_ == 0) {
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
    operations_.push_back(std::move(operation));
  }

  static int open(sqlite3_vfs*, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
    std::memset(file, 0, sizeof(File));
    of(file)->name = path;
    sqlite3_vfs* real = current()->real_;
    const int code = real->xOpen(real, path, of(file)->real(), flags, out_flags);
    if (code == SQLITE_OK || of(file)->real()->pMethods) file->pMethods = methods();
    return code;
  }
  static int remove(sqlite3_vfs*, const char* path, int sync_directory) {
    current()->record({.kind = DiskOperation::Kind::remove, .file = base_name(path)});
    return current()->real_->xDelete(current()->real_, path, sync_directory);
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = {
        .iVersion = 2,
        .xClose = [](sqlite3_file* f) { return of(f)->real()->pMethods->xClose(of(f)->real()); },
        .xRead = [](sqlite3_file* f, void* to, int n,
                    sqlite3_int64 at) { return of(f)->real()->pMethods->xRead(of(f)->real(), to, n, at); },
        .xWrite =
            [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
              current()->record({DiskOperation::Kind::write, base_name(of(f)->name), at,
                                 std::string(static_cast<const char*>(from), static_cast<std::size_t>(n))});
              return of(f)->real()->pMethods->xWrite(of(f)->real(), from, n, at);
            },
        .xTruncate =
            [](sqlite3_file* f, sqlite3_int64 size) {
              current()->record(
                  {.kind = DiskOperation::Kind::truncate, .file = base_name(of(f)->name), .offset = size});
              return of(f)->real()->pMethods->xTruncate(of(f)->real(), size);
            },
        .xSync =
            [](sqlite3_file* f, int) {
              // The test's own machine keeps its power: the real sync is left out.
              current()->record({.kind = DiskOperation::Kind::sync, .file = base_name(of(f)->name)});
              return SQLITE_OK;
            },
        .xFileSize = [](sqlite3_file* f,
                        sqlite3_int64* size) { return of(f)->real()->pMethods->xFileSize(of(f)->real(), size); },
        .xLock = [](sqlite3_file* f, int level) { return of(f)->real()->pMethods->xLock(of(f)->real(), level); },
        .xUnlock = [](sqlite3_file* f, int level) { return of(f)->real()->pMethods->xUnlock(of(f)->real(), level); },
        .xCheckReservedLock = [](sqlite3_file* f,
                                 int* out) { return of(f)->real()->pMethods->xCheckReservedLock(of(f)->real(), out); },
        .xFileControl = [](sqlite3_file* f, int op,
                           void* arg) { return of(f)->real()->pMethods->xFileControl(of(f)->real(), op, arg); },
        .xSectorSize = [](sqlite3_file* f) { return of(f)->real()->pMethods->xSectorSize(of(f)->real()); },
        .xDeviceCharacteristics =
            [](sqlite3_file* f) { return of(f)->real()->pMethods->xDeviceCharacteristics(of(f)->real()); },
        .xShmMap =
            [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
              return of(f)->real()->pMethods->xShmMap(of(f)->real(), page, size, extend, out);
            },
        .xShmLock = [](sqlite3_file* f, int offset, int n,
                       int flags) { return of(f)->real()->pMethods->xShmLock(of(f)->real(), offset, n, flags); },
        .xShmBarrier = [](sqlite3_file* f) { of(f)->real()->pMethods->xShmBarrier(of(f)->real()); },
        .xShmUnmap = [](sqlite3_file* f,
                        int remove_it) { return of(f)->real()->pMethods->xShmUnmap(of(f)->real(), remove_it); },
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return &all;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::vector<DiskOperation> operations_;
  std::int64_t kill_in_ = 0;
};

// A disk on its way through recorded operations.
class SimulatedDisk {
 public:
  enum class Unsynced { lost, kept, some };

  void apply(const DiskOperation& operation) {
    File& file = files_[operation.file];
    switch (operation.kind) {
      case DiskOperation::Kind::sync:
        for (const DiskOperation& each : file.pending) perform(file.durable, each);
        file.pending.clear();
        break;
      case DiskOperation::Kind::remove: files_.erase(operation.file); break;
      case DiskOperation::Kind::mark: break;
      default: file.pending.push_back(operation);
    }
  }

  // The files as a power loss now would leave them.
  void write_to(const std::filesystem::path& directory, Unsynced unsynced, std::mt19937& random) const {
    for (const auto& [name, file] : files_) {
      if (name.empty()) continue;
      std::string content = file.durable;
      for (const DiskOperation& each : file.pending) {
        if (unsynced == Unsynced::lost) break;
        if (unsynced == Unsynced::some && random() % 2 == 0) continue;
        DiskOperation part = each;
        if (unsynced == Unsynced::some && random() % 4 == 0 && part.bytes.size() > 512) {
          part.bytes.resize(random() % (part.bytes.size() / 512) * 512);  // torn
        }
        perform(content, part);
      }
      std::ofstream(directory / name, std::ios::binary) << content;
    }
  }

 private:
  struct File {
    std::string durable;
    std::vector<DiskOperation> pending;
  };
  static void perform(std::string& content, const DiskOperation& operation) {
    const auto at = static_cast<std::size_t>(operation.offset);
    if (operation.kind == DiskOperation::Kind::truncate) {
      content.resize(at);
    } else {
      if (content.size() < at + operation.bytes.size()) content.resize(at + operation.bytes.size());
      content.replace(at, operation.bytes.size(), operation.bytes);
    }
  }

  std::map<std::string, File> files_;
};

}  // namespace quarterdeck::store::testing
