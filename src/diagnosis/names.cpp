#include "hangspy/diagnosis.hpp"

namespace hangspy::diagnosis {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHealthy:
      return "healthy";
    case Verdict::kSlow:
      return "slow";
    case Verdict::kDeadlock:
      return "deadlock";
    case Verdict::kOrphanWait:
      return "orphan-wait";
    case Verdict::kBlockedLoop:
      return "blocked-loop";
    case Verdict::kInconclusive:
      return "inconclusive";
  }
  return "inconclusive";
}

std::string_view name_of(Certainty certainty) {
  switch (certainty) {
    case Certainty::kNone:
      return "none";
    case Certainty::kLikely:
      return "likely";
    case Certainty::kProven:
      return "proven";
  }
  return "none";
}

int exit_code_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHealthy:
    case Verdict::kSlow:
      return 0;
    case Verdict::kDeadlock:
      return 1;
    case Verdict::kInconclusive:
      return 3;
    case Verdict::kOrphanWait:
    case Verdict::kBlockedLoop:
      return 4;
  }
  return 3;
}

}  // namespace hangspy::diagnosis
