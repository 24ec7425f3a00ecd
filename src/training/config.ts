import { z } from 'zod';
import { curriculumSchema } from './curriculum.ts';
import { scheduleSchema } from './learning-rate.ts';
import { objectiveSchema } from './objective.ts';

/** How a model is trained. One schema for hardening and for clean training, which is hardening with objective `clean`. */
export const trainingConfigSchema = z
  .strictObject({
    objective: objectiveSchema
      .default({ kind: 'pgd' })
      .describe('What a step makes smaller: clean, pgd, mixed or trades. Default pgd.'),
    epochs: z
      .int()
      .min(1)
      .max(1000)
      .default(10)
      .describe('Times each row is visited. 1 to 1000. Default 10.'),
    batch: z.int().min(1).max(4096).default(128).describe('Rows per update. 1 to 4096. Default 128.'),
    pieces: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe(
        'Parts into which each batch is cut; as many workers can share it. 1 to 64. Default 2. Changes rounding, so it is fixed by configuration and not by the machine.',
      ),
    rows: z.int().min(1).optional().describe('Train on the first so many clean rows only. Default: all.'),
    learningRate: z
      .number()
      .positive()
      .max(1)
      .default(5e-3)
      .describe('Peak learning rate of AdamW. Default 0.005.'),
    schedule: scheduleSchema
      .default({ kind: 'linear', warmUp: 0.05 })
      .describe('How the learning rate moves: linear, one-cycle or constant. Default linear.'),
    weightDecay: z
      .number()
      .min(0)
      .max(1)
      .default(1e-4)
      .describe('Decoupled weight decay of kernels per unit of learning rate. 0 to 1. Default 0.0001.'),
    averaging: z
      .number()
      .min(0)
      .lt(1)
      .default(0.998)
      .describe(
        'Weight of the past in the average of the weights over steps, which is what is kept. 0 to below 1. Default 0.998.',
      ),
    curriculum: curriculumSchema
      .default({ kind: 'linear', rampEnd: 0.3 })
      .describe('How epsilon grows: linear, cosine or adaptive. Default linear over 0.3 of the steps.'),
    epsilonFactor: z
      .number()
      .positive()
      .max(2)
      .default(1.05)
      .describe(
        "Largest epsilon in training, in units of the threat model's. A little over 1 helps at 1. Default 1.05.",
      ),
    attack: z
      .strictObject({
        steps: z
          .int()
          .min(1)
          .max(100)
          .default(1)
          .describe('Gradient steps per visit of a row. 1 to 100. Default 1.'),
        reach: z
          .number()
          .positive()
          .max(10)
          .default(0.75)
          .describe(
            'How far the steps of a visit go together, in units of epsilon. Default 0.75; 1.5 suits random starts with several steps.',
          ),
        start: z
          .enum(['random', 'carried'])
          .default('carried')
          .describe(
            'carried: each row goes on from the perturbation of its last visit, so that few steps per visit make a strong attack over the epochs (Linf only). random: anew each time. Default carried.',
          ),
      })
      .prefault({})
      .describe('The attack inside training.'),
    validation: z
      .strictObject({
        rows: z.int().min(1).default(500).describe('Validation rows measured after an epoch. Default 500.'),
        steps: z
          .int()
          .min(10)
          .max(1000)
          .default(10)
          .describe(
            'PGD steps of the robust measurement, from random starts. 10 to 1,000: fewer would choose epochs that only look robust. Default 10.',
          ),
        fromShare: z
          .number()
          .min(0)
          .max(1)
          .default(0.7)
          .describe(
            'Share of the epochs before the first measurement; before, epsilon is still small. Default 0.7.',
          ),
        patience: z
          .int()
          .min(1)
          .default(5)
          .describe('Stop after so many measured epochs without a better one. Default 5.'),
      })
      .prefault({})
      .describe('Early stopping on robust validation accuracy (clean accuracy for objective clean).'),
    frozenLayers: z
      .array(z.string().min(1))
      .default([])
      .describe('Layers whose weights stay as they are, by name. Default none.'),
  })
  .describe('Settings of the training room.');

export type TrainingConfig = z.infer<typeof trainingConfigSchema>;
