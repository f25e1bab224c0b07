// Read by ThreadSanitizer at start, unused otherwise.
extern "C" const char* __tsan_default_suppressions() {
  return "race:libabsl_\nrace:libgrpc\nrace:libgpr.so\nrace:libprotobuf\nrace:librdkafka\nrace:"
         "librocksdb\n"
         "race:libunbound\nrace:absl::debian3::Status::Unref\ndeadlock:libabsl_\ndeadlock:"
         "libgrpc\ndeadlock:librocksdb\n";
}
