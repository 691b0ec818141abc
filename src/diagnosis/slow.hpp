// Healthy or slow: who is at the head of the line when nothing is stuck.
#pragma once

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {

// Fills verdict and headline of a diagnosis in which nothing is stuck.
void judge_moving(const Facts& facts, Diagnosis& diagnosis);

}  // namespace hangspy::diagnosis
